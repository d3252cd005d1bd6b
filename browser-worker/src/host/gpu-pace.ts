// The owner's share of the GPU: whoever waits for submitted work also waits while the GPU rests. One long submit can not be
// interrupted, so this is only as fine as the submits are short; executors cut them.

export interface Pace {
  /** 0..1, above 0. */
  share(): number;
  sleep(ms: number): Promise<void>;
  nowMs(): number;
}

/** The two ways to wait for a device: its queue, and the mapping of a buffer. */
type PacedDevice = Pick<GPUDevice, 'createBuffer'> & { readonly queue: Pick<GPUQueue, 'submit' | 'onSubmittedWorkDone'> };

export function paceDevice(device: PacedDevice, pace: Pace): void {
  const { queue } = device;
  /** First submit since the GPU was last known to be idle. */
  let busySinceMs: number | null = null;
  const rest = async (): Promise<void> => {
    if (busySinceMs === null) return;
    const busyMs = pace.nowMs() - busySinceMs;
    busySinceMs = null;
    const share = pace.share();
    if (share > 0 && share < 1) await pace.sleep(busyMs * (1 / share - 1));
  };
  const submit = queue.submit.bind(queue);
  queue.submit = (buffers) => {
    busySinceMs ??= pace.nowMs();
    return submit(buffers);
  };
  const done = queue.onSubmittedWorkDone.bind(queue);
  queue.onSubmittedWorkDone = async () => {
    await done();
    await rest();
    return undefined;
  };
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    const mapAsync = buffer.mapAsync.bind(buffer);
    buffer.mapAsync = async (...range) => {
      await mapAsync(...range);
      await rest();
      return undefined;
    };
    return buffer;
  };
}
