// The gate against a corpus: hostile kernels end as they must, benign ones compute what they computed before it.
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { nativeExecutors } from '../../../native.ts';
import { failureOf, fakeHost, never, outputOf, taskOf } from '../../../testing/fake-host.ts';
import { nodeGpu, skipWithout } from '../../../testing/node-gpu.ts';
import { benign, HEAD } from '../../../testing/wgsl-benign.ts';
import { hostile } from '../../../testing/wgsl-hostile.ts';
import { wgslKernelSpecSchema } from '../schema.ts';
import { makeBuffer, planBuffers, readBack } from './buffers.ts';
import { gateShader } from './gate.ts';
import { makeLayouts } from './pipeline.ts';
import { trapPlace } from './run.ts';
import { tokenize } from './tokens.ts';

const gpu = await nodeGpu();
const numbers = Array.from({ length: 64 }, (_, index) => (index * 37) % 101);
const specOf = (code: string, more: object = {}) => ({
  code: HEAD + code,
  workgroups: [2, 1, 1],
  bindings: [
    { group: 0, binding: 0, kind: 'read-storage', dtype: 'u32', values: numbers },
    { group: 0, binding: 1, kind: 'storage', dtype: 'u32', shape: [64], output: 'out' },
  ],
  ...more,
});
const hostWithGpu = () => fakeHost(gpu === null ? {} : { gpu: gpu.gpu });
const run = async (spec: object) => {
  const host = hostWithGpu();
  const executor = await nativeExecutors.WGSL_KERNEL();
  await executor.execute(taskOf<unknown>(spec, { outputs: [outputOf('out', 'out')] }), host, never);
  return host.stored.get('out') ?? new Uint8Array();
};

/** The kernel as it is, without the gate. */
async function runUngated(code: string): Promise<Uint8Array> {
  const task = taskOf(wgslKernelSpecSchema.parse(specOf(code)));
  const given = await gpu?.gpu({ features: [], limits: {} });
  const device = given?.device as GPUDevice;
  const buffers = (await planBuffers(task, fakeHost())).map((planned) => makeBuffer(device, planned));
  const layouts = makeLayouts(device, task.spec, null);
  const module = device.createShaderModule({ code: task.spec.code });
  const pipeline = await device.createComputePipelineAsync({ layout: layouts.pipeline, compute: { module, entryPoint: 'main' } });
  const entries = buffers.map(({ binding, buffer }) => ({ binding: binding.binding, resource: { buffer } }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const layout = layouts.groups[0];
  if (layout !== undefined) pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
  pass.dispatchWorkgroups(2);
  pass.end();
  device.queue.submit([encoder.finish()]);
  const out = buffers[1];
  const bytes = out === undefined ? new Uint8Array() : await readBack(device, out.buffer, out.sizeBytes, out.usedBytes);
  device.destroy();
  return bytes;
}

describe('the WGSL gate on a device', () => {
  beforeEach(skipWithout(gpu));
  afterAll(() => Reflect.deleteProperty(globalThis, 'udcsTestGpu'));

  it.each(Object.entries(benign))('leaves the results of a benign kernel alone: %s', async (_, code) => {
    expect(await run(specOf(code))).toEqual(await runUngated(code));
  });

  it.each(Object.entries(hostile))('ends a hostile kernel as it must: %s', async (_, { code, ends }) => {
    const failure = await failureOf(run(specOf(code, { maxLoopIterations: 100_000 })));
    expect(`${failure.code}: ${failure.message}`).toContain(`${ends}: `);
  });

  it('ends a large runaway dispatch after its first invocations, not after all of them', async () => {
    const code = '@compute @workgroup_size(1) fn main() { for (;;) { o[0] += 1u; } }';
    const failure = await failureOf(run(specOf(code, { workgroups: [300, 300, 1], maxLoopIterations: 1_000_000 })));
    expect(failure.code).toBe('LOOP_BUDGET');
  }, 20_000);

  it('runs the next kernel after every kind of end', async () => {
    expect((await run(specOf(benign['for'] ?? ''))).length).toBe(256);
  });
});

describe('the WGSL gate on text', () => {
  const gate = (code: string) => gateShader(code, 1_000, { group: 0, binding: 2 });

  it('has a corpus worth the name', () => {
    expect(Object.keys(benign).length).toBeGreaterThanOrEqual(30);
    expect(Object.keys(hostile).length).toBeGreaterThanOrEqual(30);
  });

  it('injects into every loop and keeps every line where it was', () => {
    for (const [name, code] of Object.entries(benign)) {
      const kernel = gate(HEAD + code);
      const words = tokenize(HEAD + code).filter((token) => ['for', 'while', 'loop'].includes(token.text)).length;
      const checks = kernel.code.match(/udcs_spend\(\)\) \{|udcs_stop\(\); break;/g)?.length ?? 0;
      expect(checks, name).toBe(words);
      const lines = (HEAD + code).split('\n').length;
      expect(kernel.code.split('\n').length, name).toBe(kernel.hasTrap ? lines + 9 : lines);
    }
  });

  it('maps every column behind an injection back to the user', () => {
    const sources = Object.values(benign).map((code) => HEAD + code);
    fc.assert(
      fc.property(fc.constantFrom(...sources), fc.nat(), (source, at) => {
        const kernel = gate(source);
        const marks = tokenize(source).filter((token) => token.kind === 'name');
        const mark = marks[at % marks.length];
        if (mark === undefined) return;
        const before = source.slice(0, mark.at).split('\n');
        const line = before.length;
        const userColumn = (before.at(-1)?.length ?? 0) + 1;
        const gatedLine = kernel.code.split('\n')[line - 1] ?? '';
        const candidates = [...gatedLine.matchAll(new RegExp(`\\b${mark.text}\\b`, 'g'))].map((match) => kernel.userColumn(line, match.index + 1));
        expect(candidates).toContain(userColumn);
      }),
    );
  });

  it('ends on any text, with a result or an error of the table', () => {
    const pieces = fc.constantFrom(
      'fn ',
      'main',
      '(',
      ')',
      '{',
      '}',
      ' for',
      'while ',
      'loop',
      ';',
      '/*',
      '*/',
      '//',
      '\n',
      '@compute ',
      '->',
      'u32',
      '<',
      '>',
      '1.5e3',
      '0x',
      '.',
      'udcs_',
      '\u2028',
      'é',
      'workgroupBarrier()',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        try {
          expect(typeof gate(parts.join('')).code).toBe('string');
        } catch (thrown) {
          expect(thrown).toHaveProperty('code', expect.stringMatching(/^KERNEL_(COMPILE|INVALID)$/));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('finds a free binding for its flag', () => {
    const binding = { kind: 'storage', shape: [1], output: 'out' };
    const spec = (places: [number, number][]) =>
      wgslKernelSpecSchema.parse({ code: 'x', workgroups: [1, 1, 1], bindings: places.map(([group, at]) => ({ ...binding, group, binding: at })) });
    expect(
      trapPlace(
        spec([
          [0, 0],
          [0, 1],
          [1, 2],
        ]),
      ),
    ).toEqual({ group: 0, binding: 2 });
    expect(
      trapPlace(
        spec([
          [2, 5],
          [3, 0],
        ]),
      ),
    ).toEqual({ group: 2, binding: 0 });
  });
});
