// The native worker as a program: options, signals, lines for people or JSON, exit codes. 0 drained, 2 usage, 3 unreachable,
// 4 refused, 130 interrupted.
import { type ErrorCode, toUdcsError, type UdcsError } from '@udcs/protocol';
import { parseCommandLine, USAGE } from './options.ts';
import { type NativeWorker, runNativeWorker, type WorkerEvent } from './run.ts';

const EXIT_CODES: Readonly<Partial<Record<ErrorCode, number>>> = {
  INVALID_INPUT: 2,
  CONFLICT: 2,
  UNREACHABLE: 3,
  RATE_LIMITED: 3,
  UNAUTHENTICATED: 4,
  FORBIDDEN: 4,
  NOT_FOUND: 4,
  UNSUPPORTED: 5,
};

function say(event: WorkerEvent, json: boolean): void {
  if (json) {
    const { table: _, ...facts } = event.type === 'detected' ? event : { ...event, table: '' };
    process.stdout.write(`${JSON.stringify(facts)}\n`);
    return;
  }
  const line = {
    detected: () => (event.type === 'detected' ? event.table : ''),
    connecting: () => (event.type === 'connecting' ? `connecting to ${event.url}` : ''),
    joined: () => (event.type === 'joined' ? `joined ${event.url} as ${event.worker}; Ctrl-C finishes what runs and leaves` : ''),
    disconnected: () => (event.type === 'disconnected' ? `lost the coordinator (${event.reason}); what runs goes on, trying again` : ''),
  }[event.type]();
  process.stderr.write(`${line}\n`);
}

function complain(error: UdcsError, json: boolean): number {
  if (json) process.stdout.write(`${JSON.stringify({ type: 'error', ...error.toRecord() })}\n`);
  else process.stderr.write(`udcs-worker: ${error.message}\n${error.hint === undefined ? '' : `  ${error.hint}\n`}`);
  return EXIT_CODES[error.code] ?? 1;
}

/** First signal: drain. Second: leave at once. */
function obeySignals(worker: NativeWorker, json: boolean): void {
  let asked = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked) {
      worker.leave(`second ${signal}`);
      void worker.done.finally(() => process.exit(130));
      // Whatever hangs, a second signal ends it.
      setTimeout(() => process.exit(130), 1_500).unref();
      return;
    }
    asked = true;
    if (!json && worker.holding() > 0) process.stderr.write(`finishing ${worker.holding()} tasks; again to leave at once\n`);
    worker.drain(signal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

async function main(): Promise<number> {
  let json = process.argv.includes('--json');
  try {
    const options = parseCommandLine(process.argv.slice(2));
    json = options.json;
    if (options.help) {
      process.stdout.write(USAGE);
      return 0;
    }
    const worker = await runNativeWorker(options, (event) => say(event, json));
    obeySignals(worker, json);
    await worker.done;
    return 0;
  } catch (thrown) {
    return complain(toUdcsError(thrown), json);
  }
}

process.exitCode = await main();
