// The demo's last word: one table for people, the same as JSON in out/demo/report.json.
import type { ExplainView } from '@udcs/protocol';
import type { FilesResult } from './files-part.ts';
import type { SceneResult } from './scene-part.ts';
import type { PartTally } from './tally.ts';

export interface DemoReport {
  readonly ok: boolean;
  readonly seconds: number;
  readonly dashboardUrl: string;
  readonly files: FilesResult;
  readonly scene: SceneResult | { readonly unmatched: ExplainView };
}

export function reportOf(parts: Omit<DemoReport, 'ok'>): DemoReport {
  const scene = parts.scene;
  const sceneOk = 'unmatched' in scene || (scene.verified !== false && scene.tally.countedTwice === 0);
  return { ok: parts.files.verified && parts.files.tally.countedTwice === 0 && sceneOk, ...parts };
}

const yesNo = (verified: boolean | null): string => (verified === null ? 'not checked' : verified ? 'yes' : 'NO');

function rows(name: string, tally: PartTally, verified: boolean | null): [string, string][] {
  const shares = Object.entries(tally.byWorker).map(([worker, tasks]) => `${worker} ${((100 * tasks) / tally.tasks).toFixed(0)} %`);
  return [
    [name, `${tally.tasks} tasks in ${tally.seconds.toFixed(1)} s`],
    ['  share of each worker', shares.join(', ')],
    ['  attempts lost', String(tally.attemptsLost)],
    ['  tasks repeated', String(tally.tasksRepeated)],
    ['  tasks counted twice', String(tally.countedTwice)],
    ['  verified', yesNo(verified)],
  ];
}

const MB = 1_000_000;

export function printReport(report: DemoReport): void {
  const { files, scene } = report;
  const table = rows('(a) gzip of source files', files.tally, files.verified);
  table.push(['  bytes', `${(files.inputBytes / MB).toFixed(1)} MB in, ${(files.gzipBytes / MB).toFixed(1)} MB out`]);
  if ('unmatched' in scene) table.push(['(b) picture', 'unmatched: no worker here can run WGSL'], ['  why', scene.unmatched.summary]);
  else table.push(...rows('(b) picture 3840×2160', scene.tally, scene.verified), ...scene.adapters.map((adapter): [string, string] => ['  adapter', adapter]));
  table.push(['total', `${report.seconds.toFixed(1)} s`]);
  const width = Math.max(...table.map(([name]) => name.length));
  console.log(`\n${table.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')}\n`);
  for (const line of [...files.proof, ...('unmatched' in scene ? [] : scene.proof)]) console.log(`  ${line}`);
  console.log(`\nout/demo/files.gz${'unmatched' in scene ? '' : ', out/demo/scene.png'}, out/demo/report.json · dashboard ${report.dashboardUrl}`);
}
