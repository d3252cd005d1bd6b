import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { findChromium } from '../harness/chromium.ts';
import { needsChromium } from '../harness/skip.ts';

it('a Chromium is here for the tab suites', async (context) => {
  await needsChromium(context);
  expect(existsSync((await findChromium()) ?? '')).toBe(true);
});
