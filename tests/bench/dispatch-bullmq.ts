// The peer: BullMQ as its documentation says to run it fast (addBulk, concurrency 100, QueueEvents to see results), worker in a process of
// its own, on a Redis of our own with AOF. null where no redis-server is installed.
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Queue, QueueEvents } from 'bullmq';
import { freePort } from '../harness/processes.ts';
import type { CpuBySide, Round } from './dispatch.ts';
import { cpuMsOf } from './machine.ts';

const BULK = 1_000;
const PAYLOAD = 'x'.repeat(200);

export interface Redis {
  readonly port: number;
  readonly server: ChildProcess;
  readonly version: string;
  readonly redis: string;
  stop(): Promise<void>;
}

export async function startRedis(folder: string, appendfsync: 'everysec' | 'always'): Promise<Redis | null> {
  let redis: string;
  try {
    redis = execFileSync('redis-server', ['--version'], { encoding: 'utf8' }).trim();
  } catch {
    console.log('BullMQ is left out: no redis-server is installed');
    return null;
  }
  const port = await freePort();
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--appendonly',
    'yes',
    '--appenddirname',
    `aof-${appendfsync}`,
    '--appendfsync',
    appendfsync,
    '--save',
    '',
  ];
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const chunk of server.stdout) if (String(chunk).includes('Ready to accept connections')) break;
  server.stdout.resume();
  const { version } = createRequire(import.meta.url)('bullmq/package.json') as { version: string };
  return {
    port,
    server,
    version,
    redis,
    async stop() {
      server.kill('SIGTERM');
      await once(server, 'exit');
    },
  };
}

let turn = 0;

export async function bullmqRound(redis: Redis, tasks: number): Promise<Round> {
  const name = `bench-${process.pid}-${turn++}`;
  const connection = { host: '127.0.0.1', port: redis.port };
  const worker = fork(join(import.meta.dirname, 'bullmq-worker.mjs'), [name, String(redis.port)], { stdio: 'inherit', execArgv: [] });
  await once(worker, 'message');
  const queue = new Queue(name, { connection });
  const events = new QueueEvents(name, { connection });
  await events.waitUntilReady();
  const cpuNow = (): CpuBySide => ({ server: cpuMsOf([redis.server.pid]), worker: cpuMsOf([worker.pid]), client: cpuMsOf([process.pid]) });
  const before = cpuNow();
  const startedMs = performance.now();
  let seen = 0;
  const all = new Promise<void>((resolve) => {
    events.on('completed', () => {
      if (++seen === tasks) resolve();
    });
  });
  for (let at = 0; at < tasks; at += BULK)
    await queue.addBulk(Array.from({ length: Math.min(BULK, tasks - at) }, () => ({ name: 'noop', data: { payload: PAYLOAD } })));
  await all;
  const seconds = (performance.now() - startedMs) / 1000;
  const after = cpuNow();
  const usPerTask = (side: keyof CpuBySide): number => ((after[side] - before[side]) * 1000) / tasks;
  const cpuUs = { server: usPerTask('server'), worker: usPerTask('worker'), client: usPerTask('client') };
  const completed = await queue.getCompletedCount();
  if (completed !== tasks) throw new Error(`BullMQ completed ${completed} of ${tasks}`);
  await events.close();
  await queue.obliterate({ force: true });
  await queue.close();
  worker.kill('SIGTERM');
  await once(worker, 'exit');
  return { perSecond: tasks / seconds, cpuUsPerTask: cpuUs.server + cpuUs.worker + cpuUs.client, cpuUs, p50Ms: null, p99Ms: null };
}
