// Who may import whom (DESIGN §2). Each rule has a planted violation in tests/guards that proves it bites.
const ROOMS = ['protocol', 'tasks', 'server', 'browser-worker', 'native-worker', 'native', 'kernels', 'shaders', 'client', 'app'];
const TEST = '([.]test[.]tsx?$|/test(s|-fixtures)/|[.]test-d[.]ts$)';
const only = (room, allowed) => ({
  name: `${room}-imports-only-its-neighbours`,
  severity: 'error',
  from: { path: `^${room}/`, pathNot: TEST },
  to: { path: `^(${ROOMS.join('|')}|tests)/`, pathNot: `^(${[room, ...allowed].join('|')})/` },
});
const BROWSER_HALF = '^(browser-worker/src/|tasks/src/(browser[.]ts|types/[^/]+/(browser[.]ts|engine/)))';

module.exports = {
  forbidden: [
    only('protocol', []),
    only('tasks', ['protocol', 'kernels', 'shaders']),
    only('server', ['protocol', 'tasks']),
    only('browser-worker', ['protocol', 'tasks', 'shaders']),
    only('native-worker', ['protocol', 'tasks', 'native', 'kernels', 'shaders']),
    only('client', ['protocol', 'tasks', 'kernels', 'shaders']),
    only('app', ['protocol', 'tasks', 'client', 'browser-worker', 'server']),
    { name: 'app-takes-only-types-from-server', severity: 'error', from: { path: '^app/' }, to: { path: '^server/', dependencyTypesNot: ['type-only'] } },
    {
      name: 'core-is-pure',
      severity: 'error',
      from: { path: '^server/src/core/', pathNot: TEST },
      to: { pathNot: '^(server/src/core/|protocol/|tasks/src/(index|kit/|types/[^/]+/task))' },
    },
    { name: 'browser-half-has-no-node', severity: 'error', from: { path: BROWSER_HALF, pathNot: TEST }, to: { dependencyTypes: ['core'] } },
    {
      name: 'browser-half-has-no-native-half',
      severity: 'error',
      from: { path: BROWSER_HALF, pathNot: TEST },
      to: { path: '^tasks/src/(native[.]ts|types/[^/]+/native[.]ts)' },
    },
    {
      name: 'task-types-do-not-know-each-other',
      severity: 'error',
      from: { path: '^tasks/src/types/([^/]+)/' },
      to: { path: '^tasks/src/types/', pathNot: '^tasks/src/types/$1/' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'no-unresolvable', severity: 'error', from: { pathNot: TEST }, to: { couldNotResolve: true, pathNot: '[.]wgsl$' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(node_modules|dist|[.]next|out)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['udcs-source', 'import', 'types', 'default'] },
  },
};
