// Writes docs/states.md and docs/errors.md from the tables in protocol, so that they can not disagree. `npm run docs`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attemptMachine, errorTable, taskMachine, toMermaid, workerMachine } from '@udcs/protocol';

const diagram = (title: string, machine: Parameters<typeof toMermaid>[0]): string => `## ${title}\n\n\`\`\`mermaid\n${toMermaid(machine)}\n\`\`\`\n`;

export const statesPage = (): string =>
  [
    '# States\n\nGenerated from `protocol/src/states.ts` by `npm run docs`. A job has no stored state: it is derived from its counters.\n',
    diagram('Task', taskMachine),
    diagram('Attempt', attemptMachine),
    diagram('Worker', workerMachine),
  ].join('\n');

export function errorsPage(): string {
  const rows = Object.entries(errorTable).map(([code, facts]) => `| \`${code}\` | ${facts.blame} | ${facts.retry} | ${facts.http} | ${facts.means} |`);
  return [
    '# Errors',
    '',
    'Generated from `protocol/src/errors.ts` by `npm run docs`. A worker only claims a code; the coordinator decides blame.',
    '',
    '| Code | Blame | Retry | HTTP | Meaning |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

if (process.argv[1] === import.meta.filename) {
  const docs = join(import.meta.dirname, '..', 'docs');
  writeFileSync(join(docs, 'states.md'), statesPage());
  writeFileSync(join(docs, 'errors.md'), errorsPage());
}
