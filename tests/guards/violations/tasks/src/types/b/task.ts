import { a } from '../a/task.ts';
export const b = a;
