// What an operator's Prometheus reads. Gauges are looked up when asked; only the commit histogram is fed as it happens.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Grid } from '../ports.ts';
import { allLimits } from './limits.ts';

const COMMIT_BUCKETS_S = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

/** Seconds from a write's arrival to its commit; made before the store opens, shown with the rest. */
export const createCommitTimes = (): Histogram =>
  new Histogram({ name: 'udcs_commit_seconds', help: 'From the arrival of a write to its commit', buckets: COMMIT_BUCKETS_S, registers: [] });

export interface Metrics {
  render(): Promise<string>;
  readonly contentType: string;
}

export interface MetricsSources {
  readonly commits: Histogram;
  readonly overview: Grid['overview'];
  readonly backlog: () => { readonly rows: number; readonly bytes: number };
  readonly sockets: () => { readonly workers: number; readonly clients: number };
  readonly loopLagMs: () => number;
}

export function createMetrics(sources: MetricsSources): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  const gauge = (name: string, help: string, labelNames: string[] = []) => new Gauge({ name: `udcs_${name}`, help, labelNames, registers });
  const counter = (name: string, help: string, labelNames: string[] = []) => new Counter({ name: `udcs_${name}`, help, labelNames, registers });

  const workers = gauge('workers', 'Connected workers by kind, and those gone silent', ['kind']);
  const slots = gauge('slots', 'Slots of connected workers', ['state']);
  const tasks = gauge('tasks', 'Tasks by place: queued, blocked, active', ['place']);
  const jobs = gauge('jobs', 'Jobs that have not ended', ['state']);
  const ended = counter('tasks_ended_total', 'Tasks ended since the start of this process', ['state']);
  const lost = counter('leases_expired_total', 'Attempts whose worker vanished');
  const dropped = counter('reports_dropped_total', 'Late, foreign or duplicate reports');
  const unwritten = gauge('store_backlog', 'Facts not written yet', ['unit']);
  const sockets = gauge('sockets', 'Open sockets', ['kind']);
  const lag = gauge('event_loop_lag_seconds', 'Longest delay of the event loop in the last seconds');
  const memory = gauge('resident_memory_bytes', 'Resident memory of the coordinator');
  const limit = gauge('limit', 'Every limit a client can run into', ['name']);
  registry.registerMetric(sources.commits);
  for (const [name, value] of Object.entries(allLimits)) limit.set({ name }, value);

  const look = (): void => {
    const now = sources.overview();
    workers.set({ kind: 'browser' }, now.workers.browser);
    workers.set({ kind: 'native' }, now.workers.native);
    workers.set({ kind: 'suspect' }, now.workers.suspect);
    slots.set({ state: 'all' }, now.workers.slots);
    slots.set({ state: 'busy' }, now.workers.busySlots);
    for (const place of ['queued', 'blocked', 'active'] as const) tasks.set({ place }, now.tasks[place]);
    jobs.set({ state: 'running' }, now.jobs.running);
    jobs.set({ state: 'queued' }, now.jobs.queued);
    ended.reset();
    ended.inc({ state: 'succeeded' }, now.totals.tasksSucceeded);
    ended.inc({ state: 'failed' }, now.totals.tasksFailed);
    lost.reset();
    lost.inc(now.totals.attemptsLost);
    dropped.reset();
    dropped.inc(now.totals.reportsDropped);
    const backlog = sources.backlog();
    unwritten.set({ unit: 'rows' }, backlog.rows);
    unwritten.set({ unit: 'bytes' }, backlog.bytes);
    const open = sources.sockets();
    sockets.set({ kind: 'worker' }, open.workers);
    sockets.set({ kind: 'client' }, open.clients);
    lag.set(sources.loopLagMs() / 1000);
    memory.set(process.memoryUsage.rss());
  };
  return {
    contentType: registry.contentType,
    render() {
      look();
      return registry.metrics();
    },
  };
}
