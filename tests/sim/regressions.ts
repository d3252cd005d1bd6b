// Seeds that once broke a promise, by the bug they found. They stay, whatever else changes; who changes what a seed draws
// (profile.ts, the order of draws) puts each bug back in a copy and looks for the seed that finds it then.
export const regressions: readonly { readonly seed: number; readonly found: string }[] = [
  { seed: 2, found: 'an attempt that had ended before a crash, or in this life, adopted and counted a second time' },
  { seed: 4, found: 'adopted attempts that took more slots than the worker has' },
  { seed: 5, found: 'a retried failure that closed its attempt twice' },
  { seed: 8, found: 'an awaited attempt that was lost after its holder had finished it' },
  { seed: 108, found: 'an assignment that waited for a commit while its worker began to drain' },
  { seed: 900, found: 'a dependent released by a success that a cancel had forestalled in the store, and attempt numbers that began again after that reload' },
];
