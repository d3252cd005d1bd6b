// Judges a vitest JSON report: counts, lists every skip with its reason, and turns a skip (or absence) of a required suite into a failure.
import { relative } from 'node:path';

/**
 * @param {{ testResults: { name: string, status: string, message?: string, assertionResults: { fullName: string, status: string, meta?: { skipReason?: string } }[] }[] }} report
 * @param {{ file: string, why: string }[]} required suites that may not skip
 * @param {{ root: string, canInstall: boolean, filtered: boolean }} where `canInstall` false: skips are allowed, and named; `filtered`: only some files were asked for
 */
export function judge(report, required, where) {
  const lines = [];
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  const skipsOf = new Map();
  for (const suite of report.testResults) {
    const file = relative(where.root, suite.name);
    skipsOf.set(file, []);
    if (suite.status === 'failed' && suite.assertionResults.every((test) => test.status !== 'failed')) failed += 1; // did not even load
    for (const test of suite.assertionResults) {
      if (test.status === 'passed') passed += 1;
      else if (test.status === 'failed') failed += 1;
      else {
        skipped += 1;
        skipsOf.get(file).push(test.fullName);
        lines.push(`skipped: ${file} › ${test.fullName}${test.meta?.skipReason === undefined ? '' : ` (${test.meta.skipReason})`}`);
      }
    }
  }
  for (const { file, why } of required) {
    const skips = skipsOf.get(file);
    if (skips === undefined && where.filtered) continue;
    if (skips === undefined) {
      failed += 1;
      lines.push(`required suite did not run: ${file} (${why})`);
    } else if (skips.length > 0 && where.canInstall) {
      failed += 1;
      lines.push(`required suite skipped ${skips.length} test${skips.length === 1 ? '' : 's'}: ${file} (${why})`);
    }
  }
  return { passed, failed, skipped, lines };
}
