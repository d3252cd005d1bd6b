// The CLI as a person meets it: the built program against a real coordinator and a real native worker on this machine.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GridOnThisMachine, type RunOptions, startGrid, udcs } from './run-udcs.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../../tests/fixtures/wasm/${name}.wasm`, import.meta.url));
const DOUBLE =
  '@group(0) @binding(0) var<storage, read> a: array<f32>;\n@group(0) @binding(1) var<storage, read_write> b: array<f32>;\n@compute @workgroup_size(4) fn main(@builtin(global_invocation_id) id: vec3u) { b[id.x] = a[id.x] * 2.0; }\n';
const JOB_ID = /^job_[0-9a-z]{26}$/;

let grid: GridOnThisMachine;
let folder: string;
const on = (args: readonly string[], options: RunOptions = {}) => udcs(args, { cwd: folder, ...options, env: { ...grid.env, ...options.env } });
const events = (text: string): { type: string; [key: string]: unknown }[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

async function jobFile(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return name;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'udcs-cli-'));
  grid = await startGrid();
});
afterAll(async () => {
  expect(await grid?.stop()).toBe(0);
  await rm(folder, { recursive: true, force: true });
});

describe('run', () => {
  it('follows a job to its end and saves its outputs', async () => {
    const file = await jobFile('m.yaml', 'type: MOCK\nspec: { outputBytes: 70000, logLines: 1 }\narray: { count: 3 }\noutputs: [{ name: data }]\n');
    const { code, stdout, stderr } = await on(['run', file, '-o', 'out']);
    expect(code).toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/job_\w+ succeeded: 3 tasks in .+, outputs in out\n$/);
    expect(stderr).toMatch(/^2\| /m);
    for (const index of ['0', '1', '2']) expect((await readFile(join(folder, 'out', index, 'data'))).length).toBe(70_000);
  });

  it('exits with 1 and the reason when a task failed', async () => {
    const file = await jobFile('f.yaml', 'type: MOCK\nspec: { failWith: MODULE_INVALID }\n');
    const { code, stderr } = await on(['run', file]);
    expect(code).toBe(1);
    expect(stderr).toContain('(MODULE_INVALID)');
    expect(stderr).toMatch(/failed: 1 failed of 1 task/);
  });

  it('writes one JSON object a line with --json, and nothing else', async () => {
    const { code, stdout, stderr } = await on(['run', await jobFile('j.yaml', '{ "type": "MOCK", "spec": { "value": { "a": 1 } } }'), '--json']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    const told = events(stdout);
    expect(told[0]).toMatchObject({ type: 'submitted', job: expect.stringMatching(JOB_ID) });
    expect(told.find(({ type }) => type === 'task')).toMatchObject({ task: { state: 'succeeded', value: { a: 1 } } });
    expect(told.at(-1)).toMatchObject({ type: 'job', job: { state: 'succeeded', name: 'j' } });
  });

  it('uploads the files that a job names', async () => {
    await writeFile(join(folder, 'text.txt'), 'one two\nthree\n');
    const file = await jobFile(
      'files.yaml',
      `type: WASM\nspec: { module: ${fixture('wc')} }\ninputs: [{ name: in, source: { file: ./text.txt }, path: /dev/stdin }]\noutputs: [{ name: count, path: /dev/stdout }]\n`,
    );
    const { code, stderr } = await on(['run', file, '-o', 'counts']);
    expect(stderr).toContain('succeeded');
    expect(code).toBe(0);
    expect((await readFile(join(folder, 'counts', 'count'), 'utf8')).trim().split(/\s+/)).toEqual(['2', '3', '14']);
  });

  it('names path, line and the key that was meant in a wrong file', async () => {
    const cases = [
      ['type: MOCK\nspec: { runMss: 1 }\n', 'unknown key "runMss"', 'did you mean "runMs"?'],
      ['type: MOCK\nspec: {}\nrequirs: []\n', 'unknown key "requirs"', 'did you mean "requires"?'],
      ['type: MOCK\nspec: { runMs: soon }\n', 'spec.runMs', ''],
      ['type: MOCK\nspec: [1, 2\n', /w\.yaml:\d+:\d+: /, ''],
      ['- a\n- b\n', 'not a list', ''],
      ['type: MOCK\nspec: {}\ngang: { min: 2, max: 2 }\n', 'gang', ''],
    ] as const;
    for (const [text, message, hint] of cases) {
      const { code, stderr } = await on(['run', await jobFile('w.yaml', text)]);
      expect(stderr).toMatch(message);
      expect(stderr).toContain(hint);
      expect(stderr).not.toContain('    at ');
      expect(code).toBe(2);
    }
    expect(await on(['run', 'nowhere.yaml'])).toMatchObject({ code: 2, stderr: expect.stringContaining('nowhere.yaml: there is no such file') });
  });

  it('explains and exits with 5 when nothing can run it, and leaves the job queued', async () => {
    const file = await jobFile('big.yaml', 'type: MOCK\nspec: {}\nresources: { memoryBytes: 99999999999999 }\n');
    const { code, stdout, stderr } = await on(['run', file, '--unmatched-after', '200ms']);
    expect(code).toBe(5);
    expect(stdout).toMatch(/^unmatched: .*memory/);
    const id = /(job_\w+) stays queued/.exec(stderr)?.[1] as string;
    expect((await on(['explain', id])).stdout).toContain('memory');
    expect((await on(['job', id])).stdout).toMatch(/state +queued/);
    expect(await on(['cancel', id])).toMatchObject({ code: 0, stdout: `${id} canceled\n` });
    expect((await on(['cancel', id])).stdout).toContain('had already ended');
    expect((await on(['wait', id])).code).toBe(1);
    expect(await on(['plan', file])).toMatchObject({ code: 5, stdout: expect.stringContaining('0 connected workers could run it') });
  });
});

describe('Ctrl-C', () => {
  it('leaves the job running and says how to follow and cancel it', async () => {
    const file = await jobFile('slow.yaml', 'type: MOCK\nspec: { runMs: 4000 }\n');
    let sent = false;
    const { code, stderr } = await on(['run', file], {
      onStderr: (child, text) => {
        if (sent || !text.includes('running')) return;
        sent = true;
        child.kill('SIGINT');
      },
    });
    expect(code).toBe(130);
    const id = /(job_\w+) goes on: `udcs wait \1`.*`udcs cancel \1`/.exec(stderr)?.[1] as string;
    expect(id).toMatch(JOB_ID);
    expect(await on(['wait', id])).toMatchObject({ code: 0, stderr: expect.stringContaining('succeeded') });
  });

  it('twice, or once with --cancel-on-interrupt, cancels it', async () => {
    const file = await jobFile('slower.yaml', 'type: MOCK\nspec: { runMs: 20000 }\n');
    for (const flags of [[], ['--cancel-on-interrupt']]) {
      let sent = 0;
      const { code, stderr } = await on(['run', file, ...flags], {
        onStderr: (child, text) => {
          if ((sent === 0 && text.includes('running')) || (sent === 1 && text.includes('goes on'))) {
            sent += 1;
            child.kill('SIGINT');
          }
        },
      });
      expect(code).toBe(130);
      expect(stderr).toMatch(/job_\w+ canceled/);
    }
  });
});

describe('wasm', () => {
  it('is the program: stdin in, raw bytes out', async () => {
    const input = 'the same words again and again '.repeat(500);
    const { code, stdoutBytes, stderr } = await on(['wasm', fixture('gzip')], { stdin: input });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(gunzipSync(stdoutBytes).toString()).toBe(input);
  });

  it('hands over arguments and the environment as they are', async () => {
    const { code, stdout } = await on(['wasm', fixture('echo-args'), '--env', 'X_COLOR=dark red', '--', '-x', 'a b', '--json', 'q"uote']);
    expect(code).toBe(0);
    for (const word of ['-x', 'a b', '--json', 'q"uote', 'dark red']) expect(stdout).toContain(word);
  });

  it('calls an exported function with numbers', async () => {
    expect(await on(['wasm', fixture('sum'), '--entry', 'sum_to', '--', '10'])).toMatchObject({ code: 0, stdout: '55\n' });
    expect(await on(['wasm', fixture('sum'), '--entry', 'divide', '--', '1', '4'])).toMatchObject({ code: 0, stdout: '0.25\n' });
  });

  it('says in one line why a program crashed', async () => {
    const { code, stderr } = await on(['wasm', fixture('trap')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/udcs: .*trapped/);
    expect(stderr).not.toContain('    at ');
  });

  it('refuses what is no module', async () => {
    await writeFile(join(folder, 'no.wasm'), 'not wasm');
    expect((await on(['wasm', 'no.wasm'])).code).not.toBe(0);
    expect(await on(['wasm', 'missing.wasm'])).toMatchObject({ code: 2, stderr: expect.stringContaining('missing.wasm') });
  });
});

describe('map', () => {
  it('writes one result per file under its name', async () => {
    await mkdir(join(folder, 'texts'), { recursive: true });
    const names = Array.from({ length: 20 }, (_, at) => `t${at}.txt`);
    for (const [at, name] of names.entries()) await writeFile(join(folder, 'texts', name), `${name} `.repeat(at + 1));
    const { code, stderr } = await on(['map', fixture('gzip'), ...names.map((name) => `texts/${name}`), '--suffix', '.gz', '-o', 'packed']);
    expect(stderr).toMatch(/succeeded: 20 tasks/);
    expect(code).toBe(0);
    expect((await readdir(join(folder, 'packed'))).sort()).toEqual(names.map((name) => `${name}.gz`).sort());
    for (const [at, name] of names.entries())
      expect(gunzipSync(await readFile(join(folder, 'packed', `${name}.gz`))).toString()).toBe(`${name} `.repeat(at + 1));
  });

  it('refuses two files of one name', async () => {
    await mkdir(join(folder, 'twins'), { recursive: true });
    await writeFile(join(folder, 'twins', 'a.txt'), 'x');
    await writeFile(join(folder, 'a.txt'), 'y');
    expect(await on(['map', fixture('wc'), 'a.txt', 'twins/a.txt', '-o', 'out'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('would both be saved as a.txt'),
    });
  });
});

describe('exec', () => {
  it('runs a native program in the sandbox with stdin and its own exit code', async () => {
    const sort = await on(['exec', '/usr/bin/sort', '--', '-n'], { stdin: '10\n9\n1\n' });
    expect(sort.stderr).toBe('');
    expect(sort).toMatchObject({ code: 0, stdout: '1\n9\n10\n' });
    expect(await on(['exec', '/usr/bin/grep', '--', 'absent'], { stdin: 'words\n' })).toMatchObject({ code: 1, stdout: '' });
  });

  it('explains itself for a platform nobody has', async () => {
    const { code, stdout } = await on(['exec', '/usr/bin/sort', '--platform', 'win32-arm64', '--unmatched-after', '200ms', '--no-stdin']);
    expect(code).toBe(5);
    expect(stdout).toMatch(/unmatched: .*win32/);
  });
});

describe('wgsl', () => {
  it('runs a shader over files', async () => {
    await writeFile(join(folder, 'double.wgsl'), DOUBLE);
    await writeFile(join(folder, 'a.bin'), Buffer.from(new Float32Array([1, 2, 3, 4]).buffer));
    const { code, stdout, stderr } = await on([
      'wgsl',
      'double.wgsl',
      '--workgroups',
      '1',
      '--in',
      'a=a.bin',
      '--out',
      'b=f32:4',
      '-o',
      'gpu',
      '--unmatched-after',
      '1s',
    ]);
    if (code === 5) return expect(stdout).toMatch(/^unmatched: .*(WGSL|WebGPU)/i);
    expect(stderr).toContain('succeeded');
    const bytes = await readFile(join(folder, 'gpu', 'b.bin'));
    expect([...new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 16))]).toEqual([2, 4, 6, 8]);
  });

  it('names the variables there are', async () => {
    await writeFile(join(folder, 'double.wgsl'), DOUBLE);
    expect(await on(['wgsl', 'double.wgsl', '--workgroups', '1', '--in', 'x=a.bin', '--out', 'b=f32:4'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('it declares a, b'),
    });
    expect(await on(['wgsl', 'double.wgsl', '--workgroups', '1', '--in', 'a=a.bin', '--out', 'b=f33:4'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('f32:1024'),
    });
  });
});

describe('every example', () => {
  for (const file of ['count-words.yaml', 'compress-many.yaml', 'sort-natively.yaml', 'paint-tiles.yaml']) {
    it(`${file} runs`, async () => {
      const { code, stdout, stderr } = await on(['run', fileURLToPath(new URL(`../examples/${file}`, import.meta.url)), '-o', `ex-${file}`]);
      if (file === 'paint-tiles.yaml' && code === 5) return expect(stdout).toMatch(/^unmatched: .*(WGSL|WebGPU)/i);
      expect(stderr).toContain('succeeded');
      expect(code).toBe(0);
      expect((await readdir(join(folder, `ex-${file}`))).length).toBeGreaterThan(0);
    });
  }
});

describe('looking around', () => {
  it('submits, waits, lists, shows and logs', async () => {
    const file = await jobFile(
      'look.yaml',
      'name: look-at-me\ntype: MOCK\nspec: { failWith: MODULE_INVALID, failOnIndex: 1, logLines: 2 }\narray: { count: 2 }\n',
    );
    const submitted = await on(['submit', file]);
    expect(submitted.code).toBe(0);
    const id = submitted.stdout.trim();
    expect(id).toMatch(JOB_ID);
    expect((await on(['wait', id])).code).toBe(1);
    expect((await on(['jobs', '--search', 'look-at-me'])).stdout).toMatch(new RegExp(`^ID .*\\n${id} +look-at-me +MOCK +failed +2/2 \\(1 failed\\)`));
    const job = (await on(['job', id])).stdout;
    expect(job).toMatch(/state +failed/);
    expect(job).toContain('MODULE_INVALID');
    expect((await on(['logs', id])).stdout).toMatch(/^0\| .*1 of 2\n0\| /);
    expect((await on(['logs', id, '--task', '0'])).stdout).not.toContain('|');
    expect((await on(['jobs', '--json', '--limit', '1'])).stdout.trim().split('\n')).toHaveLength(1);
  });

  it('retries what failed as a new job, or says why it can not', async () => {
    const failing = (await on(['submit', await jobFile('retry.yaml', 'type: MOCK\nspec: { failWith: MODULE_INVALID }\narray: { count: 2 }\n')])).stdout.trim();
    expect((await on(['wait', failing])).code).toBe(1);
    const again = await on(['retry', failing, '--follow']);
    expect(again.stdout.trim()).toMatch(JOB_ID);
    expect(again.stdout.trim()).not.toBe(failing);
    expect(again.stderr).toContain('2 tasks submitted again');
    expect(again.code).toBe(1);
    const fine = (await on(['submit', await jobFile('fine.yaml', 'type: MOCK\nspec: {}\n')])).stdout.trim();
    await on(['wait', fine]);
    expect(await on(['retry', fine])).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('nothing to retry') });
  });

  it('follows the log live', async () => {
    const file = await jobFile('live.yaml', 'type: MOCK\nspec: { runMs: 1500, logLines: 5 }\n');
    const id = (await on(['submit', file])).stdout.trim();
    const { code, stdout } = await on(['logs', id, '-f']);
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(5);
  });

  it('shows workers, and plans without submitting', async () => {
    expect((await on(['workers'])).stdout).toMatch(/native +online .*WASM/);
    expect(events((await on(['workers', '--json'])).stdout)[0]).toMatchObject({ type: 'worker', worker: { kind: 'native' } });
    const file = await jobFile('plan.yaml', 'type: MOCK\nspec: { value: 1 }\narray: { count: 7 }\noutputs: [{ name: o, path: "out/${index}" }]\n');
    const before = (await on(['jobs', '--json', '--limit', '500'])).stdout;
    const { code, stdout } = await on(['plan', file]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/first of 7 tasks[\s\S]*out\/0[\s\S]*last task[\s\S]*out\/6[\s\S]*1 connected worker could run it/);
    expect((await on(['jobs', '--json', '--limit', '500'])).stdout).toBe(before);
  });

  it('keeps artifacts', async () => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, at) => at % 251));
    await writeFile(join(folder, 'bytes.bin'), bytes);
    const put = await on(['artifacts', 'put', 'bytes.bin']);
    expect(put.stderr).toContain('uploaded');
    const digest = put.stdout.trim();
    expect((await on(['artifacts', 'put', '-'], { stdin: bytes })).stderr).toContain('were there already');
    expect((await on(['artifacts', 'get', digest])).stdoutBytes.equals(bytes)).toBe(true);
    expect((await on(['artifacts', 'get', digest, '-o', 'back.bin'])).code).toBe(0);
    expect((await readFile(join(folder, 'back.bin'))).equals(bytes)).toBe(true);
    expect((await on(['artifacts', 'list'])).stdout).toContain(digest);
    expect(await on(['artifacts', 'get', `sha256:${'0'.repeat(64)}`])).toMatchObject({ code: 1, stdout: '' });
  });

  it('makes tokens that work until they are revoked', async () => {
    const { stdout, stderr } = await on(['token', 'create', 'ci', '--scope', 'read', '--expires', '1h']);
    const secret = stdout.trim();
    const id = /tok_\w+/.exec(stderr)?.[0] as string;
    expect((await on(['jobs', '--token', secret])).code).toBe(0);
    const refused = await on(['mock', '--token', secret]);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('submit');
    expect((await on(['token', 'list'])).stdout).toMatch(new RegExp(`${id} +ci `));
    expect((await on(['token', 'revoke', id])).stdout).toBe(`${id} revoked\n`);
    expect((await on(['jobs', '--token', secret])).code).toBe(4);
    expect(await on(['token', 'create', 'x', '--scope', 'everything'])).toMatchObject({ code: 2, stderr: expect.stringContaining('scopes are admin') });
  });

  it('makes links for machines and for tabs', async () => {
    expect((await on(['invite'])).stdout).toMatch(/^http:\/\/.*\/join#\S+\n$/);
    const tab = await on(['invite', '--donate', '--uses', '500', '--expires', '7d']);
    expect(tab.stdout).toMatch(/^http:\/\/.*\/donate#\S+\n$/);
    expect(tab.stderr).toContain('500 workers within 7 d');
  });

  it('looks at this machine', async () => {
    const { code, stdout } = await on(['doctor']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Node +ok +\d+\.\d+\.\d+/);
    expect(stdout).toMatch(/coordinator +ok +.*as admin/);
    expect(events((await on(['doctor', '--json'])).stdout).map(({ type }) => type)).toEqual(Array(6).fill('check'));
  });
});
