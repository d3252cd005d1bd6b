// The SDK against real processes: a coordinator that is killed in the middle, uploads that break, and the bundle for browsers.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, digestOf, type Grid, locate } from '../src/sdk/index.ts';
import { type GridOnThisMachine, startCoordinator, startGrid } from './run-udcs.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../../tests/fixtures/wasm/${name}.wasm`, import.meta.url));

describe('with a coordinator and a worker', () => {
  let machine: GridOnThisMachine;
  let grid: Grid;
  beforeAll(async () => {
    machine = await startGrid();
    grid = connect({ dataDir: machine.dataDir });
  });
  afterAll(async () => {
    await grid.close();
    await machine.stop();
  });

  it('finds the coordinator of this machine and its token', async () => {
    expect(locate({ dataDir: machine.dataDir })).toMatchObject({ url: machine.url, token: expect.any(String) });
    expect(await grid.call('auth.whoami', {})).toMatchObject({ scopes: ['admin'] });
  });

  it('maps a program over bytes and yields each result once', async () => {
    const inputs = Array.from({ length: 40 }, (_, at) => `input ${at} `.repeat(at * 50));
    const handle = grid.map({ module: { path: fixture('gzip') }, inputs });
    const seen: number[] = [];
    for await (const task of handle) {
      seen.push(task.index);
      expect(gunzipSync(await handle.outputOf(task, 'stdout')).toString()).toBe(inputs[task.index]);
    }
    expect(seen.sort((a, b) => a - b)).toEqual(inputs.map((_, at) => at));
    expect((await handle).job.counts.succeeded).toBe(40);
  });

  it('reaches the same job through HTTP and server-sent events', async () => {
    const overHttp = connect({ dataDir: machine.dataDir, transport: 'http' });
    const handle = overHttp.submit({ type: 'MOCK', spec: { runMs: 200 }, array: { count: 5 } });
    const indexes: number[] = [];
    for await (const task of handle) indexes.push(task.index);
    expect(indexes.sort()).toEqual([0, 1, 2, 3, 4]);
    await overHttp.close();
  });

  it('submits a thousand jobs in a few requests and waits for all of them', async () => {
    const handles = grid.submitMany(Array.from({ length: 1_000 }, (_, at) => ({ type: 'MOCK' as const, spec: { value: at } })));
    const results = await Promise.all(handles);
    expect(results.filter(({ job }) => job.state === 'succeeded')).toHaveLength(1_000);
    expect(await results[77]?.value()).toBe(77);
  });

  it('gives the explanation with the error when nothing can run a job', async () => {
    const handle = grid.submit({ type: 'MOCK', spec: {}, resources: { memoryBytes: 1e15 } }, { unmatchedAfterMs: 200 });
    await expect(handle).rejects.toMatchObject({ code: 'UNMATCHED', explain: { verdict: 'unmatched', tally: [{ code: 'MEMORY' }] } });
    expect(await handle.cancel()).toBe(true);
  });

  it('joins artifacts without moving bytes', async () => {
    const parts = await grid.artifacts.putMany(['one ', 'two ', 'three']);
    const joined = await grid.artifacts.join(parts.map(({ digest, sizeBytes }) => ({ digest, bytes: sizeBytes })));
    expect(joined.sizeBytes).toBe(13);
    expect(Buffer.from(await grid.artifacts.get(joined.digest)).toString()).toBe('one two three');
    const middle = await grid.artifacts.join([
      { digest: parts[0]?.digest as never, offset: 1, bytes: 2 },
      { digest: parts[2]?.digest as never, bytes: 5 },
    ]);
    expect(Buffer.from(await grid.artifacts.get(middle.digest)).toString()).toBe('nethree');
  });

  it('sends on a broken upload and reads on a broken download', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'udcs-upload-'));
    const bytes = randomBytes(24 * 1024 * 1024);
    writeFileSync(join(folder, 'big'), bytes);
    const cutter = await startCutter(Number(new URL(machine.url).port), 5 * 1024 * 1024);
    const throughCutter = connect({ url: cutter.url, token: locate({ dataDir: machine.dataDir }).token });
    const { digest, sent } = await throughCutter.artifacts.put({ path: join(folder, 'big') });
    expect(sent).toBe(true);
    expect(cutter.cuts()).toBeGreaterThan(0);
    const cutsBefore = cutter.cuts();
    expect(
      createHash('sha256')
        .update(await throughCutter.artifacts.get(digest))
        .digest('hex'),
    ).toBe(digest.slice(7));
    expect(cutter.cuts()).toBeGreaterThan(cutsBefore);
    // Each broken connection lost at most what was under way, not what had arrived.
    expect(cutter.movedBytes()).toBeLessThan(bytes.length * 4);
    await throughCutter.close();
    cutter.close();
    await rm(folder, { recursive: true });
  });
});

describe('when the coordinator is killed in the middle', () => {
  it('goes on by itself: one job, every task once', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'udcs-kill-'));
    const first = await startCoordinator(dataDir, 0);
    const port = Number(new URL(first.listening.url).port);
    const worker = spawn(
      process.execPath,
      [fileURLToPath(new URL('../../native-worker/dist/main.js', import.meta.url)), first.listening.joinUrl, '--state-dir', join(dataDir, 'w'), '--allow-mock'],
      { stdio: 'ignore' },
    );
    const grid = connect({ dataDir });
    const count = 60;
    const handle = grid.submit({ type: 'MOCK', spec: { runMs: 50 }, array: { count } });
    const seen: number[] = [];
    let second: typeof first | null = null;
    for await (const task of handle) {
      seen.push(task.index);
      if (seen.length === 10) {
        process.kill(first.pid, 'SIGKILL');
        await first.exited;
        second = await startCoordinator(dataDir, port);
      }
    }
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, at) => at));
    const jobs = [];
    for await (const job of grid.jobs()) jobs.push(job.id);
    expect(jobs).toEqual([await handle.id]);
    await grid.close();
    const workerGone = new Promise((resolve) => worker.once('exit', resolve));
    worker.kill('SIGTERM');
    await workerGone;
    await second?.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
});

describe('the bundle for browsers', () => {
  it('imports nothing of Node', async () => {
    const entry = fileURLToPath(new URL('../src/sdk/index.ts', import.meta.url));
    const { outputFiles, warnings } = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'browser',
      conditions: ['udcs-source'],
      minify: true,
      logLevel: 'silent',
    });
    expect(warnings).toEqual([]);
    expect(outputFiles[0]?.text).not.toMatch(/(from|import\(|require\()\s*["']node:/);
  });

  it('hashes without Node as with it', async () => {
    const bytes = readFileSync(fixture('wc'));
    const original = process.getBuiltinModule;
    try {
      Object.defineProperty(process, 'getBuiltinModule', { value: undefined, configurable: true });
      expect(digestOf(bytes)).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
    } finally {
      Object.defineProperty(process, 'getBuiltinModule', { value: original, configurable: true });
    }
  });
});

/** A TCP proxy that cuts connections which have moved more than `cutBytes`, six times in all. */
async function startCutter(port: number, cutBytes: number): Promise<{ url: string; cuts: () => number; movedBytes: () => number; close: () => void }> {
  let cuts = 0;
  let moved = 0;
  let ownPort = 0;
  const open = new Set<Socket>();
  // The coordinator answers to its own address only.
  const asTarget = (part: Buffer) => Buffer.from(part.toString('latin1').replace(`127.0.0.1:${ownPort}`, `127.0.0.1:${port}`), 'latin1');
  const server = createServer((near) => {
    const far = connectTcp(port, '127.0.0.1');
    let ownBytes = 0;
    const relay = (from: Socket, to: Socket, change: (part: Buffer) => Buffer) => {
      open.add(from);
      from.on('data', (part: Buffer) => {
        moved += part.length;
        ownBytes += part.length;
        if (ownBytes > cutBytes && cuts < 6) {
          cuts += 1;
          near.destroy();
          far.destroy();
        } else if (!to.write(change(part))) from.pause();
      });
      to.on('drain', () => from.resume());
      from.on('error', () => to.destroy());
      from.on('end', () => to.end());
      from.on('close', () => open.delete(from));
    };
    relay(near, far, asTarget);
    relay(far, near, (part) => part);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  ownPort = address.port;
  return {
    url: `http://127.0.0.1:${ownPort}`,
    cuts: () => cuts,
    movedBytes: () => moved,
    close: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
