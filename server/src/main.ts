// The coordinator as a program: flags, what people and programs read at its start, signals, exit codes. Wiring is in assemble.ts.
// Exit codes: 0 drained, 1 broken, 2 wrong use (a bad flag, a port or folder that is taken).
import { toUdcsError, UdcsError } from '@udcs/protocol';
import { type CoordinatorOptions, parseCommandLine, USAGE } from './api/command-line.ts';
import { createLog } from './api/log.ts';
import { type RunningCoordinator, startCoordinator } from './assemble.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

function complain(thrown: unknown): never {
  const error = toUdcsError(thrown);
  say(`udcs coordinator: ${error.message}${error.hint === undefined ? '' : `\n  ${error.hint}`}`);
  process.exit(error.code === 'INVALID_INPUT' || error.code === 'CONFLICT' ? 2 : 1);
}

function greet(options: CoordinatorOptions, running: RunningCoordinator): void {
  const { url, dashboardUrl, joinUrl, donateUrl, doors } = running;
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ type: 'listening', url, dashboardUrl, joinUrl, donateUrl, pid: process.pid, adminTokenFile: doors.adminTokenFile })}\n`,
    );
  }
  say(`UDCS coordinator at ${url}, data in ${options.dataDir}`);
  if (running.withoutDashboard === null) say(`  dashboard (this link works once)   ${dashboardUrl}`);
  else say(`  no dashboard: ${running.withoutDashboard}`);
  say(`  add a native worker                udcs worker ${joinUrl}`);
  say(`  donate a browser tab               ${donateUrl}`);
  say(`  admin token                        ${doors.adminTokenFile}`);
}

/** First signal: finish what runs, up to 30 s. Second: exit at once; everything acknowledged is durable anyway. */
function obeySignals(running: RunningCoordinator): void {
  let draining = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (draining) process.exit(130);
    draining = true;
    say(`${signal}: no new work; running tasks have 30 s to report. Once more to stop at once.`);
    running.drain().then(
      () => process.exit(0),
      (thrown: unknown) => complain(thrown),
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

async function main(): Promise<void> {
  const options = parseCommandLine(process.argv.slice(2), process.env);
  if (options === null) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const log = createLog(options.logLevel, (line) => void process.stderr.write(line));
  const onFatal = (error: Error): void => {
    log.fatal({ err: error }, 'the coordinator must stop');
    complain(new UdcsError('STORE_UNAVAILABLE', `stopping: ${error.message}`, { hint: 'nothing acknowledged is lost; start it again when the cause is gone' }));
  };
  const running = await startCoordinator(options, log, onFatal);
  obeySignals(running);
  greet(options, running);
}

main().catch(complain);
