// Seeds that once broke a promise, by the bug they found. They stay, whatever else changes.
export const regressions: readonly { readonly seed: number; readonly found: string }[] = [
  { seed: 2, found: 'a retried failure that closed its attempt twice' },
  { seed: 3, found: 'adopted attempts that took more slots than the worker has' },
  { seed: 7, found: 'an awaited attempt that was lost after its holder had finished it' },
  { seed: 60, found: 'a dependent released by a success that a cancel had forestalled in the store' },
  { seed: 190, found: 'an attempt that had failed before a crash, adopted and counted again after it' },
  { seed: 211, found: 'an assignment that waited for a commit while its worker began to drain' },
  { seed: 422, found: 'an attempt that was lost in this life, adopted a second time' },
  { seed: 491, found: 'a canceled piece of a plan whose addition the store had refused' },
  { seed: 1311, found: 'attempt numbers that began again after a reload' },
];
