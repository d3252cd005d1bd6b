// MOCK in a tab. A crash closes the task Worker, the nearest a Worker can come to dying.
import { mockExecutor } from './engine/run.ts';

export default mockExecutor(() => self.close());
