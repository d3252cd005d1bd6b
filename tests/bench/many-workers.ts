// Many native workers in one process, each with a connection and slots of its own: the fleet of the dispatch bench.
// Arguments: join URL, count, slots, folder. Prints "ready" when all have joined.
import { join } from 'node:path';
import { type NativeWorker, runNativeWorker } from '@udcs/native-worker';

const [joinUrl = '', count = '1', slots = '4', folder = ''] = process.argv.slice(2);
const workers: NativeWorker[] = [];
for (let at = 0; at < Number(count); at++) {
  workers.push(
    await runNativeWorker({
      joinUrl,
      name: `bench-${at}`,
      slots: Number(slots),
      stateDir: join(folder, `worker-${at}`),
      allowMock: true,
      deny: ['WASM', 'WGSL_KERNEL', 'NATIVE_EXEC'],
    }),
  );
}
process.on('SIGTERM', () => process.exit(0));
console.log('ready');
await Promise.all(workers.map((worker) => worker.done));
