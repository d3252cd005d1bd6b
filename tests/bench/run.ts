// `npm run bench -- NAME`: one question per file, each prints a table and writes out/bench/NAME.json.
const benches: Readonly<Record<string, { readonly about: string; readonly run: () => Promise<unknown> }>> = {
  dispatch: { about: 'durable no-op tasks, beside BullMQ', run: () => import('./dispatch.ts') },
  idle: { about: 'memory of an idle worker at 10,000 sockets', run: () => import('./idle.ts') },
  scheduler: { about: 'the core alone at 10^5 tasks × 10^4 workers', run: () => import('./scheduler.ts') },
  store: { about: 'rows per second of the store', run: () => import('./store.ts') },
  wasm: { about: 'efficiency with 1,000 tasks of 10 ms, in a tab and natively', run: () => import('./wasm.ts') },
};

const name = process.argv[2] ?? '';
const bench = benches[name];
if (bench === undefined) {
  console.error(`${name === '' ? 'which bench?' : `no bench "${name}".`} There are:`);
  for (const [known, { about }] of Object.entries(benches)) console.error(`  npm run bench -- ${known.padEnd(10)} ${about}`);
  process.exit(2);
}
await bench.run();
