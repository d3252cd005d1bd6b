// Groups needs into classes and workers into buckets, and knows which bucket may run which class. Evaluated once per pair, when
// either is new; placing then only intersects bits.
import { type Attributes, ISOLATION_LEVELS, type JobSpec, type Predicate } from '@udcs/protocol';
import { Bits } from './bits.ts';
import { subjectOf, whyNever } from './match/index.ts';
import type { Bucket, Fleet, Need, Option, TaskClass, TypeLookup, Worker } from './model.ts';

/** Benchmarks differ on every machine; in a signature they would give every worker a bucket of its own. */
const MEASURED = 'speed.';

/** Classes nobody uses that are kept for the next job of their kind. */
const SPARE_CLASSES = 1_024;

/** Every way to run the job: its variants times the alternatives of their type. */
export function needsOf(spec: JobSpec, types: TypeLookup): { readonly variant: number; readonly need: Need }[] {
  return spec.variants.flatMap((variant, at) => {
    const rules = types(variant.type);
    const alternatives = rules?.alternatives(variant.spec) ?? [[]];
    return alternatives.map((alternative) => {
      const predicates = [...spec.requires, ...variant.requires, ...alternative];
      const isLive = (predicate: Predicate): boolean => predicate.attr.startsWith('load.');
      const need: Need = {
        type: variant.type,
        requires: predicates.filter((predicate) => !isLive(predicate)),
        live: predicates.filter(isLive),
        isolationMin: spec.isolationMin,
        typeIsolation: rules?.isolation ?? null,
        ...spec.resources,
      };
      return { variant: at, need };
    });
  });
}

export function optionsOf(fleet: Fleet, spec: JobSpec): Option[] {
  return needsOf(spec, fleet.types).map(({ variant, need }) => {
    const taskClass = classOf(fleet, need);
    taskClass.jobs++;
    const exact = (['memoryBytes', 'diskBytes', 'vramBytes'] as const).some((bytes) => need[bytes] !== taskClass.need[bytes]);
    return { variant, need, taskClass, exact };
  });
}

/** Down to ⅛ octave: 1, 1.125, 1.25, … 2, 2.25, … */
export function roundedBytes(bytes: number): number {
  if (bytes < 8) return bytes;
  const step = 2 ** (Math.floor(Math.log2(bytes)) - 3);
  return Math.floor(bytes / step) * step;
}

const predicateKey = ({ attr, op, value }: Predicate): string => `${attr}\u0001${op}\u0001${JSON.stringify(value) ?? ''}`;

export function classKey(need: Need): string {
  const wishes = need.requires.length + need.live.length === 0 ? '' : [...need.requires, ...need.live].map(predicateKey).sort().join('\u0002');
  return `${need.type}|${ISOLATION_LEVELS.indexOf(need.isolationMin)}|${need.cpus}|${roundedBytes(need.memoryBytes)}|${roundedBytes(need.diskBytes)}|${need.gpus}|${roundedBytes(need.vramBytes)}|${wishes}`;
}

function classOf(fleet: Fleet, need: Need): TaskClass {
  const key = classKey(need);
  const known = fleet.classes.get(key);
  if (known !== undefined) return known;
  if (fleet.classes.size >= SPARE_CLASSES) dropSpareClasses(fleet);
  for (const { attr } of need.requires) nameMeasured(fleet, attr);
  const id = freeId(fleet.classById);
  const rounded: Need = {
    ...need,
    memoryBytes: roundedBytes(need.memoryBytes),
    diskBytes: roundedBytes(need.diskBytes),
    vramBytes: roundedBytes(need.vramBytes),
  };
  const made: TaskClass = { id, key, need: rounded, trustedBuckets: new Bits(), untrustedBuckets: new Bits(), jobs: 0, lines: 0, added: 0, dirtyTurn: -1 };
  fleet.classes.set(key, made);
  fleet.classById[id] = made;
  for (const bucket of fleet.buckets.values()) relate(made, bucket);
  return made;
}

/** From the first job on that asks for a measured number, workers that differ in it stand in different buckets. */
function nameMeasured(fleet: Fleet, attr: string): void {
  if (!attr.startsWith(MEASURED) || fleet.measuredNames.has(attr)) return;
  fleet.measuredNames.add(attr);
  for (const worker of fleet.workers.values()) {
    if (worker.bucket === null) continue;
    enterBucket(fleet, worker);
    fleet.wanting.add(worker);
  }
}

function dropSpareClasses(fleet: Fleet): void {
  for (const [key, taskClass] of fleet.classes) {
    if (taskClass.jobs > 0) continue;
    fleet.classes.delete(key);
    fleet.classById[taskClass.id] = undefined;
    fleet.dirty.delete(taskClass);
    for (const bucket of fleet.buckets.values()) {
      bucket.trustedClasses.delete(taskClass.id);
      bucket.untrustedClasses.delete(taskClass.id);
    }
    for (const worker of fleet.workers.values()) {
      worker.barred?.delete(taskClass);
      worker.pace?.delete(taskClass);
    }
  }
}

function relate(taskClass: TaskClass, bucket: Bucket): void {
  const { kind, capabilities } = bucket;
  // The first checker's question without its sentence: most pairs end here, and there are many pairs.
  if (!capabilities.types.includes(taskClass.need.type)) return;
  if (whyNever(taskClass.need, { kind, capabilities, trusted: true }) !== null) return;
  taskClass.trustedBuckets.add(bucket.id);
  bucket.trustedClasses.add(taskClass.id);
  if (whyNever(taskClass.need, { kind, capabilities, trusted: false }) !== null) return;
  taskClass.untrustedBuckets.add(bucket.id);
  bucket.untrustedClasses.add(taskClass.id);
}

/** Puts a worker into the bucket of its capabilities; out of its old one first when they changed. */
export function enterBucket(fleet: Fleet, worker: Worker): void {
  const attributes = signedAttributes(fleet, worker);
  const key = bucketKey(worker, attributes);
  if (worker.bucket?.key === key) return;
  leaveBucket(fleet, worker);
  let bucket = fleet.buckets.get(key);
  if (bucket === undefined) {
    const id = freeId(fleet.bucketById);
    const { kind } = worker.introduction;
    const capabilities = { ...worker.introduction.capabilities, attributes };
    bucket = { id, key, kind, capabilities, trustedClasses: new Bits(), untrustedClasses: new Bits(), workers: new Set(), parked: [new Set(), new Set()] };
    fleet.buckets.set(key, bucket);
    fleet.bucketById[id] = bucket;
    for (const taskClass of fleet.classes.values()) relate(taskClass, bucket);
  }
  bucket.workers.add(worker);
  worker.bucket = bucket;
}

export function leaveBucket(fleet: Fleet, worker: Worker): void {
  const { bucket } = worker;
  if (bucket === null) return;
  unpark(fleet, worker);
  bucket.workers.delete(worker);
  worker.bucket = null;
  if (bucket.workers.size > 0) return;
  fleet.buckets.delete(bucket.key);
  fleet.bucketById[bucket.id] = undefined;
  for (const taskClass of fleet.classes.values()) {
    taskClass.trustedBuckets.delete(bucket.id);
    taskClass.untrustedBuckets.delete(bucket.id);
  }
}

export function park(fleet: Fleet, worker: Worker, room: 0 | 1): void {
  const { bucket } = worker;
  if (bucket === null) return;
  unpark(fleet, worker);
  bucket.parked[room].add(worker);
  worker.parkedIn = bucket.parked[room];
  worker.parkedTurn = fleet.turn;
  fleet.parkedBuckets[room].add(bucket.id);
}

export function unpark(fleet: Fleet, worker: Worker): void {
  const { bucket, parkedIn } = worker;
  if (bucket === null || parkedIn === null) return;
  parkedIn.delete(worker);
  worker.parkedIn = null;
  if (parkedIn.size === 0) fleet.parkedBuckets[parkedIn === bucket.parked[0] ? 0 : 1].delete(bucket.id);
}

/** What a bucket may be judged by, in one order. */
function signedAttributes({ measuredNames }: Fleet, { introduction }: Worker): Attributes {
  const { attributes } = introduction.capabilities;
  const signed: Attributes = {};
  for (const name of Object.keys(attributes).sort()) {
    const value = attributes[name];
    if (value !== undefined && (!name.startsWith(MEASURED) || measuredNames.has(name))) signed[name] = value;
  }
  return signed;
}

function bucketKey(worker: Worker, attributes: Attributes): string {
  const { kind, capabilities } = worker.introduction;
  const devices = capabilities.devices.map((device) => [device.kind, device.vramBytes]);
  return JSON.stringify([kind, [...capabilities.types].sort(), [...capabilities.untrustedTypes].sort(), attributes, devices, capabilities.pools]);
}

function freeId(slots: readonly unknown[]): number {
  const hole = slots.indexOf(undefined);
  return hole < 0 ? slots.length : hole;
}

/** Whether the worker could ever run the option. The exact need counts: the class is a little more generous. */
export function couldRun(option: Option, worker: Worker, jobOwner: string): boolean {
  const { bucket } = worker;
  if (bucket === null) return false;
  const trusted = worker.owner !== null && worker.owner === jobOwner;
  if (!(trusted ? bucket.trustedClasses : bucket.untrustedClasses).has(option.taskClass.id)) return false;
  return whyNever(option.need, subjectOf(worker, jobOwner)) === null;
}
