// The BullMQ worker of the dispatch bench: does nothing, a hundred at a time.
import { Worker } from 'bullmq';

const [name, port] = process.argv.slice(2);
const worker = new Worker(name, async () => null, { connection: { host: '127.0.0.1', port: Number(port) }, concurrency: 100 });
await worker.waitUntilReady();
process.send?.('ready');
