// MOCK natively. A crash aborts the executor child as a segmentation fault would: no handler runs, nothing is flushed.
import { mockExecutor } from './engine/run.ts';

export default mockExecutor(() => process.abort());
