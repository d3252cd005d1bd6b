// The naive predicate of the scheduler bench: says in the plainest way whether a worker may run a job, sharing no line with the core.
import type { AttrValue, Capabilities, JobSpec, Predicate } from '@udcs/protocol';

export function naivelyFits(spec: JobSpec, { types, untrustedTypes, attributes, devices, pools }: Capabilities): boolean {
  const { resources } = spec;
  const large = resources.cpus <= pools.cpus && resources.memoryBytes <= pools.memoryBytes && resources.diskBytes <= pools.diskBytes;
  const gpus = devices.filter((device) => device.kind === 'gpu' && device.vramBytes >= resources.vramBytes);
  const graphics = gpus.length >= resources.gpus && (resources.vramBytes === 0 || gpus.length > 0);
  const runnable = spec.variants.some(
    (variant) =>
      types.includes(variant.type) &&
      untrustedTypes.includes(variant.type) &&
      [...spec.requires, ...variant.requires].every((predicate) => holds(predicate, attributes[predicate.attr])),
  );
  return large && graphics && runnable;
}

/** Only the operators the bench uses; another one is a mistake of the bench. */
function holds({ op, value }: Predicate, have: AttrValue | undefined): boolean {
  if (have === undefined) return false;
  if (op === '=') return have === value;
  if (op === '>=') return typeof have === 'number' && typeof value === 'number' && have >= value;
  if (op === 'in') return Array.isArray(value) && typeof have === 'string' && value.includes(have);
  throw new Error(`the bench does not use ${op}`);
}
