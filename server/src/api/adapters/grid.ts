// The running coordinator as the API sees it: reads of the fleet shaped into views, everything else passed through.
import { type AttemptView, type JobId, type Overview, splitTaskId, type TaskView, type WorkerView } from '@udcs/protocol';
import * as core from '../../core/index.ts';
import type { Coordinator } from '../../shell/index.ts';
import type { Grid } from '../ports.ts';
import type { HostLinks } from '../sockets/host-links.ts';

export function gridOf(coordinator: Coordinator, links: HostLinks, clock: { monoMs(): number; wallMs(): number }): Grid {
  return {
    submit: (rows) => coordinator.submit(rows),
    cancel: (job) => coordinator.cancel(job),
    drainWorker: (worker) => coordinator.drainWorker(worker),
    cutOff: (hosts) => links.cutOff(hosts),
    explain: (job, task) => coordinator.read((fleet) => core.explain(fleet, job, task ?? undefined)),
    plan: (spec, owner) => coordinator.read((fleet) => core.explainPlan(fleet, spec, owner)),
    overview: (): Overview => ({
      atMs: clock.wallMs(),
      ...coordinator.read(core.overview),
      throughput: coordinator.publishing.throughput.read(clock.monoMs()),
    }),
    workers: () => coordinator.read((fleet) => core.workerStatus(fleet).map(workerViewOf)),
    recentLog: (job) => coordinator.live.recent(job),
    onJob: (job, listener) => coordinator.feed.onJob(job, listener),
    onJobs: (listener) => coordinator.feed.onJobs(listener),
  };
}

export function workerViewOf(status: core.WorkerStatus): WorkerView {
  const { introduction, state, load, running, tasksDone, attemptsLost, firstSeenAtMs, lastSeenAtMs } = status;
  const { worker, name, kind, host, owner, software, capabilities } = introduction;
  return { id: worker, name, kind, host, owner, state, software, capabilities, load, running, tasksDone, attemptsLost, firstSeenAtMs, lastSeenAtMs };
}

/** Tasks and attempts that run now; the store knows only what has ended. */
export function runningNow(coordinator: Coordinator, job: JobId): { tasks: TaskView[]; attempts: AttemptView[] } {
  return coordinator.read((fleet) => {
    const status = core.jobStatus(fleet, job);
    const attempts = (status?.attempts ?? []).map(({ ref, worker, started, assignedAtMs }): AttemptView => {
      const by = core.oneWorkerStatus(fleet, worker)?.introduction;
      return {
        ...ref,
        state: started ? 'running' : 'offered',
        worker,
        workerName: by?.name ?? worker,
        workerKind: by?.kind ?? 'native',
        blame: null,
        error: null,
        exitCode: null,
        signal: null,
        log: null,
        usage: null,
        assignedAtMs,
        endedAtMs: null,
      };
    });
    const tasks = (status?.attempts ?? []).map(({ ref, worker }): TaskView => {
      const { key } = splitTaskId(ref.task);
      return {
        id: ref.task,
        key,
        index: core.attemptOf(fleet, ref)?.index ?? 0,
        state: 'active',
        attempts: ref.attempt,
        worker,
        outputs: {},
        exitCode: null,
        log: null,
        error: null,
        endedAtMs: null,
      };
    });
    return { tasks, attempts };
  });
}
