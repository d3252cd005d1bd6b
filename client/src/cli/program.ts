// All verbs of `udcs`, in the order in which `udcs --help` shows them.
import { Command } from 'commander';
import { addCommon, COMMON_LINE, usageError } from './verb.ts';
import { addArtifacts } from './verbs/artifacts.ts';
import { addCancel } from './verbs/cancel.ts';
import { addCoordinator } from './verbs/coordinator.ts';
import { addDoctor } from './verbs/doctor.ts';
import { addExec } from './verbs/exec.ts';
import { addExplain } from './verbs/explain.ts';
import { addInvite } from './verbs/invite.ts';
import { addJob } from './verbs/job.ts';
import { addJobs } from './verbs/jobs.ts';
import { addLogs } from './verbs/logs.ts';
import { addMap } from './verbs/map.ts';
import { addMock } from './verbs/mock.ts';
import { addPlan } from './verbs/plan.ts';
import { addRetry } from './verbs/retry.ts';
import { addRun } from './verbs/run.ts';
import { addSubmit } from './verbs/submit.ts';
import { addToken } from './verbs/token.ts';
import { addUp } from './verbs/up.ts';
import { addWait } from './verbs/wait.ts';
import { addWasm } from './verbs/wasm.ts';
import { addWgsl } from './verbs/wgsl.ts';
import { addWorker } from './verbs/worker.ts';
import { addWorkers } from './verbs/workers.ts';

const VERBS = [
  addUp,
  addCoordinator,
  addWorker,
  addRun,
  addSubmit,
  addMap,
  addWasm,
  addWgsl,
  addExec,
  addMock,
  addJobs,
  addJob,
  addLogs,
  addWait,
  addCancel,
  addRetry,
  addExplain,
  addPlan,
  addWorkers,
  addArtifacts,
  addToken,
  addInvite,
  addDoctor,
];

export function createProgram(version: string): Command {
  const program = new Command('udcs');
  program
    .description('One computer out of browser tabs and machines.')
    .version(version)
    .exitOverride()
    .configureOutput({ writeErr: (text) => process.stderr.write(text), outputError: (text, write) => write(usageError(text, 'udcs')) })
    .configureHelp({ helpWidth: 100 })
    .showSuggestionAfterError(true);
  program.helpInformation = () => HELP;
  addCommon(program);
  for (const add of VERBS) add(program);
  return program;
}

/** By hand, because thirty verbs in a list help nobody; a test compares it with the verbs there are. */
const HELP = `Usage: udcs <verb> [options]                    \`udcs <verb> --help\` says more

One computer out of browser tabs and machines.

  up                          start a grid here: coordinator, dashboard, worker
  coordinator, worker [URL]   start one of the two alone
  run FILE                    submit a job file, follow it, save its outputs
  submit FILE, plan FILE      submit and return; check without submitting
  wasm, exec, wgsl FILE       run a program or shader as if it ran here
  map MODULE FILES…           run a program once per file
  jobs, job ID, workers       look around
  logs ID, wait ID            see what tasks write, wait for the end
  explain ID                  why is it not running?
  cancel ID, retry ID         end a job, or try its failed tasks again
  artifacts put|get|list      bytes by their digest
  token create|list|revoke    who may use the grid
  invite [--donate]           a link for another machine, or for a browser tab
  doctor                      check this machine and say what to install

${COMMON_LINE}
Exit codes: 0 ok, 1 failed, 2 usage, 3 unreachable, 4 unauthorised, 5 unmatched, 130 interrupted
Examples:
  $ udcs up --open
  $ udcs wasm gzip.wasm < notes.txt > notes.txt.gz
`;
