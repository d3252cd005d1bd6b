// A skip is always printed with its reason (scripts/required.mjs reads it), and a required suite may not skip where it could be installed.
import type { TestContext } from 'vitest';
import { findChromium } from './chromium.ts';

declare module 'vitest' {
  interface TaskMeta {
    skipReason?: string;
  }
}

export function skip(context: TestContext, reason: string): never {
  context.task.meta.skipReason = reason;
  return context.skip(reason);
}

/** Skips the test when no Chromium is here. */
export async function needsChromium(context: TestContext): Promise<void> {
  if ((await findChromium()) === null) skip(context, 'no Chromium is installed');
}
