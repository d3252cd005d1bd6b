// Unit and simulation tests run from the TypeScript sources (condition `udcs-source`); end-to-end tests start real processes from dist.
import { defineConfig } from 'vitest/config';

const conditions = ['udcs-source', 'import', 'module', 'default'];
const shared = { resolve: { conditions }, ssr: { resolve: { conditions, externalConditions: conditions } } };

export default defineConfig({
  ...shared,
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: ['{protocol,tasks,server,client,app}/src/**/*.test.ts', 'tests/{tidy,guards}/**/*.test.ts', 'tests/conformance/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        ...shared,
        test: { name: 'sim', include: ['tests/sim/**/*.test.ts'], testTimeout: 600_000 },
      },
      {
        ...shared,
        test: {
          name: 'process',
          include: [
            'native-worker/**/*.test.ts',
            'browser-worker/**/*.test.ts',
            'tests/e2e/**/*.test.ts',
            'client/tests/**/*.test.ts',
            'server/tests/**/*.test.ts',
          ],
          exclude: ['**/node_modules/**', '**/dist/**'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
