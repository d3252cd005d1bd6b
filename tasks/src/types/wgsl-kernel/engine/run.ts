// Runs one WGSL task on a device the host gives: gate, compile, bind, dispatch in short submits, read back. The same on both
// sides. Every wait also ends when the device is lost; a lost device is the worker's fault, never the kernel's.
import { UdcsError } from '@udcs/protocol';
import type { CancelSignal, ExecutorResult, ExecutorTask, Host } from '../../../kit/executor.ts';
import type { WgslKernelSpec } from '../schema.ts';
import { type MadeBuffer, makeBuffer, neededLimits, type PlannedBuffer, planBuffers, readBack } from './buffers.ts';
import { type GatedKernel, gateShader, type TrapPlace } from './gate.ts';
import { Cutter, MAX_WORKGROUPS_PER_SUBMIT, type Piece } from './pieces.ts';
import { compileShader, firstLine, type Layouts, makeLayouts, type PipelineMaker, pipelineMaker } from './pipeline.ts';
import { BUFFER_USAGE } from './webgpu-constants.ts';

/** How long a failure waits for the news that the device was lost. */
const LOSS_GRACE_MS = 200;

type Workgroups = readonly [number, number, number];
/** All this executor touches. */
export type KernelHost = Pick<Host, 'artifacts' | 'outputs' | 'gpu' | 'progress' | 'nowMs' | 'sleep'>;

/** One task on one device. */
interface Run {
  readonly task: ExecutorTask<WgslKernelSpec>;
  readonly host: KernelHost;
  readonly signal: CancelSignal;
  readonly device: GPUDevice;
  readonly pipelines: PipelineMaker;
  readonly groups: readonly GPUBindGroup[];
  readonly buffers: readonly MadeBuffer[];
  readonly trap: GPUBuffer | null;
  /** Milliseconds that submits took, together. */
  gpuMs: number;
}

/** A binding that the kernel does not use, for the flag of the loop budget. */
export function trapPlace(spec: WgslKernelSpec): TrapPlace {
  const group = Math.min(...spec.bindings.map((binding) => binding.group));
  const taken = new Set(spec.bindings.filter((binding) => binding.group === group).map((binding) => binding.binding));
  let binding = 0;
  while (taken.has(binding)) binding += 1;
  return { group, binding };
}

const canceled = (): UdcsError => new UdcsError('CANCELED', 'canceled while it ran');
const loopBudget = (spec: WgslKernelSpec): UdcsError =>
  new UdcsError('LOOP_BUDGET', `an invocation of the kernel ran more than ${spec.maxLoopIterations} loop iterations and was stopped`, {
    hint: 'check that every loop ends; a kernel that really needs more sets maxLoopIterations',
  });

async function submit(run: Run, pipeline: GPUComputePipeline, workgroups: Workgroups): Promise<number> {
  const { device } = run;
  const product = workgroups[0] * workgroups[1] * workgroups[2];
  if (product > MAX_WORKGROUPS_PER_SUBMIT) {
    throw new UdcsError('KERNEL_INVALID', `${product} workgroups in one dispatch are more than ${MAX_WORKGROUPS_PER_SUBMIT}`, {
      hint: 'add split, use larger workgroups, or make the job an array',
    });
  }
  const startedMs = run.host.nowMs();
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  for (const [index, group] of run.groups.entries()) pass.setBindGroup(index, group);
  pass.dispatchWorkgroups(...workgroups);
  pass.end();
  device.queue.submit([encoder.finish()]);
  // Reading the flag waits for the work as well, and stops a runaway kernel before its next piece.
  if (run.trap === null) await device.queue.onSubmittedWorkDone();
  else if ((await readBack(device, run.trap, 4, 4))[0] !== 0) throw loopBudget(run.task.spec);
  const tookMs = run.host.nowMs() - startedMs;
  run.gpuMs += tookMs;
  return tookMs;
}

async function pipelineOfPiece(run: Run, piece: Piece): Promise<GPUComputePipeline> {
  const { spec } = run.task;
  const offset = spec.split?.offset ?? '';
  const holder = run.buffers.find((buffer) => buffer.offsetAtBytes !== null);
  if (holder === undefined) return run.pipelines.make(spec.entryPoint, { [offset]: piece.from });
  run.device.queue.writeBuffer(holder.buffer, holder.offsetAtBytes ?? 0, new Uint32Array([piece.from]));
  return run.pipelines.make(spec.entryPoint);
}

async function dispatchInPieces(run: Run, whole: Workgroups, axis: 'x' | 'y' | 'z'): Promise<void> {
  const at = 'xyz'.indexOf(axis);
  const across = whole.reduce((product, size, index) => (index === at ? product : product * size), 1);
  const cutter = new Cutter(whole[at] ?? 1, across, run.task.spec.maxDispatchMs);
  for (let piece = cutter.take(); piece !== null; piece = cutter.take()) {
    if (run.signal.aborted) throw canceled();
    const pipeline = await pipelineOfPiece(run, piece);
    const workgroups: [number, number, number] = [whole[0], whole[1], whole[2]];
    workgroups[at] = piece.count;
    cutter.took(piece, await submit(run, pipeline, workgroups));
    run.host.progress(cutter.doneFraction);
  }
}

async function dispatchAll(run: Run): Promise<void> {
  const { spec } = run.task;
  if (spec.split !== undefined) return dispatchInPieces(run, spec.workgroups ?? [1, 1, 1], spec.split.axis);
  const passes = spec.passes ?? [{ entryPoint: spec.entryPoint, workgroups: spec.workgroups ?? [1, 1, 1] }];
  for (const [index, pass] of passes.entries()) {
    if (run.signal.aborted) throw canceled();
    await submit(run, await run.pipelines.make(pass.entryPoint), pass.workgroups);
    run.host.progress((index + 1) / passes.length);
  }
}

function bind(device: GPUDevice, layouts: Layouts, buffers: readonly MadeBuffer[], trap: { place: TrapPlace; buffer: GPUBuffer } | null): GPUBindGroup[] {
  return layouts.groups.map((layout, group) => {
    const entries: GPUBindGroupEntry[] = buffers
      .filter(({ binding }) => binding.group === group)
      .map(({ binding, buffer }) => ({ binding: binding.binding, resource: { buffer } }));
    if (trap?.place.group === group) entries.push({ binding: trap.place.binding, resource: { buffer: trap.buffer } });
    return device.createBindGroup({ layout, entries });
  });
}

/** Everything on the device between a fresh device and the outputs. */
async function runOn(
  device: GPUDevice,
  task: ExecutorTask<WgslKernelSpec>,
  kernel: GatedKernel,
  planned: readonly PlannedBuffer[],
  host: KernelHost,
  signal: CancelSignal,
): Promise<number> {
  const { spec } = task;
  const made: GPUBuffer[] = [];
  try {
    const module = await compileShader(device, kernel, spec.code.split('\n').length);
    device.pushErrorScope('out-of-memory');
    device.pushErrorScope('validation');
    const place = kernel.hasTrap ? trapPlace(spec) : null;
    const layouts = makeLayouts(device, spec, place);
    const buffers = planned.map((plan) => makeBuffer(device, plan));
    made.push(...buffers.map(({ buffer }) => buffer));
    const trap =
      place === null ? null : { place, buffer: device.createBuffer({ size: 4, usage: BUFFER_USAGE.STORAGE | BUFFER_USAGE.COPY_SRC, label: 'loop budget' }) };
    if (trap !== null) made.push(trap.buffer);
    const groups = bind(device, layouts, buffers, trap);
    const invalid = await device.popErrorScope();
    const noMemory = await device.popErrorScope();
    if (noMemory !== null) throw new UdcsError('OUT_OF_MEMORY', `the GPU has no memory for the kernel's buffers: ${firstLine(noMemory.message)}`);
    if (invalid !== null) throw new UdcsError('KERNEL_INVALID', firstLine(invalid.message));
    const run: Run = {
      task,
      host,
      signal,
      device,
      pipelines: pipelineMaker(device, module, kernel, layouts.pipeline, spec),
      groups,
      buffers,
      trap: trap?.buffer ?? null,
      gpuMs: 0,
    };
    device.pushErrorScope('validation');
    await dispatchAll(run);
    const wrong = await device.popErrorScope();
    if (wrong !== null) throw new UdcsError('KERNEL_INVALID', firstLine(wrong.message));
    for (const { binding, buffer, sizeBytes, usedBytes } of buffers) {
      if (binding.output !== undefined) await host.outputs.put(binding.output, await readBack(device, buffer, sizeBytes, usedBytes));
    }
    return run.gpuMs;
  } finally {
    for (const buffer of made) buffer.destroy();
  }
}

/** Ends with DEVICE_LOST as soon as the device is lost, whatever the work is waiting for. */
async function unlessLost<T>(device: GPUDevice, host: KernelHost, work: Promise<T>): Promise<T> {
  const lost = device.lost.then((info): never => {
    throw new UdcsError('DEVICE_LOST', `the GPU device was lost: ${info.message === '' ? info.reason : firstLine(info.message)}`);
  });
  try {
    return await Promise.race([work, lost]);
  } catch (thrown) {
    if (thrown instanceof UdcsError) throw thrown;
    // What fails because the device is going is often heard of before the loss itself.
    await Promise.race([lost, host.sleep(LOSS_GRACE_MS)]);
    throw new UdcsError('EXECUTOR_FAILED', `WebGPU failed: ${firstLine(thrown instanceof Error ? thrown.message : String(thrown))}`, { cause: thrown });
  }
}

/** @throws UdcsError KERNEL_COMPILE, KERNEL_INVALID, LOOP_BUDGET, DEVICE_LOST, OUT_OF_MEMORY, UNSUPPORTED, CANCELED */
export async function runKernel(task: ExecutorTask<WgslKernelSpec>, host: KernelHost, signal: CancelSignal): Promise<ExecutorResult> {
  const { spec } = task;
  const kernel = gateShader(spec.code, spec.maxLoopIterations, trapPlace(spec));
  const planned = await planBuffers(task, host);
  const gpu = await host.gpu({ features: spec.requiredFeatures, limits: neededLimits(planned, spec, kernel.hasTrap) });
  if (gpu === null) throw new UdcsError('UNSUPPORTED', 'this worker has no WebGPU device with the features and limits the kernel needs');
  const device = gpu.device as GPUDevice;
  const gpuMs = await unlessLost(device, host, runOn(device, task, kernel, planned, host, signal));
  return { exitCode: null, usage: { gpuMs, versions: gpu.versions } };
}
