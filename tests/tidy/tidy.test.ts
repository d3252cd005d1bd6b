// House rules as a test over the tree: sizes, names, complete task folders, generated docs, nothing of one machine.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { errorsPage, statesPage } from '../../scripts/generate-docs.ts';

const root = join(import.meta.dirname, '..', '..');
const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const BANNED_NAME = /(^|\/)(utils?|helpers?|common|managers?|services?)(\.[a-z.]+)?$/;

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));
const code = tracked.filter((file) => /\.(ts|tsx|mjs|cjs)$/.test(file) && !file.startsWith('tests/guards/violations/'));
const text = (file: string): string => readFileSync(join(root, file), 'utf8');

function longFunctions(file: string): string[] {
  const source = ts.createSourceFile(file, text(file), ts.ScriptTarget.Latest, true, file.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS);
  const found: string[] = [];
  const line = (at: number): number => source.getLineAndCharacterOfPosition(at).line;
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const lines = line(node.end) - line(node.getStart(source)) + 1;
      const name = node.name?.getText(source) ?? `function at line ${line(node.getStart(source)) + 1}`;
      if (lines > FUNCTION_LINES_MAX) found.push(`${file}: ${name} has ${lines} lines`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

describe('tidy', () => {
  it(`no file has more than ${FILE_LINES_MAX} lines`, () => {
    expect(code.filter((file) => text(file).split('\n').length > FILE_LINES_MAX + 1)).toEqual([]);
  });

  it(`no function has more than ${FUNCTION_LINES_MAX} lines`, () => {
    // A describe block is a list of tests, a component's JSX a picture: both read well past 70 lines.
    expect(code.filter((file) => !/\.test\.tsx?$|^app\/src\/.*\.tsx$/.test(file)).flatMap(longFunctions)).toEqual([]);
  });

  it('no file or folder is named for nothing in particular', () => {
    expect(code.flatMap((file) => [file, file.replace(/\/[^/]+$/, '')]).filter((path) => BANNED_NAME.test(path))).toEqual([]);
  });

  it('every task type folder is complete', () => {
    const types = [...new Set(tracked.map((file) => /^tasks\/src\/types\/([^/]+)\//.exec(file)?.[1]).filter((name) => name !== undefined))];
    const lacking = types.flatMap((name) =>
      ['task.ts', 'task.test.ts', 'vectors.json', 'README.md']
        .filter((file) => !existsSync(join(root, 'tasks/src/types', name, file)))
        .map((file) => `${name}/${file}`),
    );
    expect(types.length).toBeGreaterThan(0);
    expect(lacking).toEqual([]);
  });

  it('every room says what it is', () => {
    const rooms = ['protocol', 'tasks', 'server', 'browser-worker', 'native-worker', 'native', 'kernels', 'shaders', 'client', 'app', 'tests'];
    expect(rooms.filter((room) => !existsSync(join(root, room, 'README.md')))).toEqual([]);
  });

  it('generated docs are current (npm run docs)', () => {
    expect(text('docs/states.md')).toBe(statesPage());
    expect(text('docs/errors.md')).toBe(errorsPage());
  });

  it('nothing names a machine, a registry host or an unfinished thing', () => {
    const bad = /(^|[^A-Za-z0-9._/-])\/(root|home\/[a-z]+|work)\/|\b(FIXME|XXX)\b|TODO(?!\(#)/;
    expect(code.filter((file) => file !== 'tests/tidy/tidy.test.ts' && bad.test(text(file)))).toEqual([]);
    expect(text('package-lock.json')).not.toMatch(/"resolved": "http/);
  });
});
