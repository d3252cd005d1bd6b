// Pages only: no API routes, no middleware, no image optimiser, no server actions (ADR 0004). The workspace packages the app imports
// at run time resolve to their sources, so that `next build` works on a clean clone with no `tsc -b` before it.
import { join } from 'node:path';
import type { NextConfig } from 'next';

const config: NextConfig = {
  reactStrictMode: true,
  poweredByHeader: false,
  images: { unoptimized: true },
  devIndicators: false,
  turbopack: {
    root: join(import.meta.dirname, '..'),
    resolveAlias: {
      '@udcs/protocol': '../protocol/src/index.ts',
      '@udcs/client': '../client/src/sdk/index.ts',
    },
  },
};

export default config;
