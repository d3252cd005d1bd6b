import { expect, it } from 'vitest';
import { allowedCpus } from './load.ts';

it.each([
  ['Name:\tnode\nCpus_allowed_list:\t0-3\n', [0, 1, 2, 3]],
  ['Cpus_allowed_list:\t2', [2]],
  ['Cpus_allowed_list:\t0-1,4,6-7\nMems_allowed_list:\t0', [0, 1, 4, 6, 7]],
  ['no such line', []],
])('reads the CPUs a process may run on', (status, cpus) => {
  expect([...allowedCpus(status)]).toEqual(cpus);
});
