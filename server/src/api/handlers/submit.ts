// Submit, plan and retry: from what a submitter sent to rows for the store. Everything is checked before anything is written.
import { type Api, type Digest, type ErrorRecord, isDigest, type Job, type JobSpec, type ProcedureOutput, toUdcsError, UdcsError } from '@udcs/protocol';
import type * as z from 'zod';
import type { SubmitOutcome, SubmitRow } from '../../store/store.ts';
import { ownerFilterOf, type Principal } from '../auth/authenticator.ts';
import type { ArtifactReads, Grid, Reads } from '../ports.ts';
import { type CheckedJob, checkJob, type EdgeEntries, type SubmitRules } from '../submit/check-job.ts';
import { mintJobId } from '../submit/job-ids.ts';
import { retryJob } from '../submit/retry-job.ts';

type Submitted = ProcedureOutput<'jobs.submit'>;
type ManyResult = ProcedureOutput<'jobs.submitMany'>['results'][number];
type ParsedJob = z.output<Api['jobs.submit']['input']>['job'];

export interface SubmitParts {
  readonly grid: Grid;
  readonly reads: Reads;
  readonly artifacts: ArtifactReads;
  readonly rules: SubmitRules;
  readonly wallMs: () => number;
}

export interface Submitting {
  one(job: ParsedJob, principal: Principal): Promise<Submitted>;
  many(jobs: readonly ParsedJob[], principal: Principal): Promise<ManyResult[]>;
  plan(job: ParsedJob, principal: Principal): Promise<ProcedureOutput<'jobs.plan'>>;
  retry(id: Parameters<Reads['job']>[1], principal: Principal): Promise<Submitted>;
}

export function createSubmitting(parts: SubmitParts): Submitting {
  const check = async (job: Job, principal: Principal): Promise<CheckedJob> => {
    const checked = checkJob(job, parts.rules, await edgeEntries(parts.artifacts, job, principal.owner));
    await checkUpstream(parts.reads, checked, principal);
    return checked;
  };
  const rowOf = (checked: CheckedJob, principal: Principal): SubmitRow => {
    const nowMs = parts.wallMs();
    return {
      job: { id: mintJobId(nowMs), owner: principal.owner, spec: checked.spec, specText: JSON.stringify(checked.spec), submittedAtMs: nowMs },
      idempotencyKey: checked.idempotencyKey,
      payloadHash: checked.payloadHash,
    };
  };
  const one: Submitting['one'] = async (job, principal) => {
    const checked = await check(job, principal);
    await requireArtifacts(parts.artifacts, checked.artifacts, principal.owner);
    const row = rowOf(checked, principal);
    const [outcome] = await parts.grid.submit([row]);
    return submitted(outcome, row.job.spec);
  };

  return {
    one,
    async many(jobs, principal) {
      const looked = await Promise.all(jobs.map((job) => check(job, principal).catch(errorRecord)));
      const missing = new Set(
        await missingOf(
          parts.artifacts,
          looked.flatMap((entry) => ('code' in entry ? [] : entry.artifacts)),
          principal.owner,
        ),
      );
      const checked = looked.map((entry) => {
        const lacking = 'code' in entry ? undefined : entry.artifacts.find((digest) => missing.has(digest));
        return lacking === undefined ? entry : unknownArtifact(lacking).toRecord();
      });
      const rows = checked.map((entry) => ('code' in entry ? null : rowOf(entry, principal)));
      const good = rows.filter((row) => row !== null);
      const outcomes = good.length === 0 ? [] : await parts.grid.submit(good);
      let next = 0;
      return checked.map((entry, at): ManyResult => {
        if ('code' in entry) return { error: entry };
        try {
          return submitted(outcomes[next++], (rows[at] as SubmitRow).job.spec);
        } catch (thrown) {
          return { error: toUdcsError(thrown).toRecord() };
        }
      });
    },
    async plan(job, principal) {
      const checked = await check(job, principal);
      await requireArtifacts(parts.artifacts, checked.artifacts, principal.owner);
      return { ...checked.edges(), total: checked.spec.count, ...parts.grid.plan(checked.spec, principal.owner) };
    },
    async retry(id, principal) {
      const found = await parts.reads.jobSpec(ownerFilterOf(principal), id);
      if (found === null) throw new UdcsError('NOT_FOUND', `there is no job ${id}, or it is not yours`);
      const job = await retryJob(found.spec, found.view, (state, cursor) => parts.reads.tasks(id, { state, cursor, limit: 500 }));
      return one(job, principal);
    },
  };
}

const errorRecord = (thrown: unknown): ErrorRecord => {
  if (thrown instanceof UdcsError) return thrown.toRecord();
  throw thrown;
};

/** @throws UdcsError the store's answer, when it refused the job */
function submitted(outcome: SubmitOutcome | undefined, spec: JobSpec): Submitted {
  if (outcome === undefined) throw new UdcsError('INTERNAL', 'the store gave no answer for this job');
  if (!outcome.ok) throw UdcsError.from(outcome.error);
  if (outcome.existing) return { id: outcome.id, existing: true, counts: { total: outcome.total } };
  return { id: outcome.job.id, existing: false, counts: { total: spec.count } };
}

async function missingOf(artifacts: ArtifactReads, digests: readonly Digest[], owner: string): Promise<Digest[]> {
  return digests.length === 0 ? [] : artifacts.missing(owner, [...new Set(digests)]);
}

async function requireArtifacts(artifacts: ArtifactReads, digests: readonly Digest[], owner: string): Promise<void> {
  const [first] = await missingOf(artifacts, digests, owner);
  if (first !== undefined) throw unknownArtifact(first);
}

const unknownArtifact = (digest: Digest): UdcsError =>
  new UdcsError('UNKNOWN_ARTIFACT', `${digest} was never uploaded by you`, { hint: 'upload it first: udcs artifacts put FILE' });

/** First and last entry of an array whose entries stand in an artifact. */
async function edgeEntries(artifacts: ArtifactReads, job: Job, owner: string): Promise<EdgeEntries | null> {
  const array = job.array;
  if (array === undefined || !('entries' in array) || !isDigest(array.entries)) return null;
  const count = 'count' in array ? array.count : 1;
  await requireArtifacts(artifacts, [array.entries], owner);
  const [first, last] = await artifacts.entries(array.entries, [0, count - 1]);
  if (first === undefined || last === undefined) throw new UdcsError('INVALID_INPUT', `job.array: the artifact has fewer than ${count} lines`);
  return { first, last };
}

/** An input that reads an upstream output must name a job and an output that exist. */
async function checkUpstream(reads: Reads, checked: CheckedJob, principal: Principal): Promise<void> {
  for (const source of checked.upstream) {
    const found = await reads.jobSpec(ownerFilterOf(principal), source.job);
    if (found === null) throw new UdcsError('NOT_FOUND', `there is no job ${source.job}, or it is not yours`);
    if (!found.spec.outputs.some((output) => output.name === source.output)) {
      const names = found.spec.outputs.map((output) => output.name).join(', ');
      throw new UdcsError('INVALID_INPUT', `job ${source.job} has no output "${source.output}"`, names === '' ? {} : { hint: `its outputs are ${names}` });
    }
    if (typeof source.index === 'number' && source.index >= found.spec.count)
      throw new UdcsError('INVALID_INPUT', `job ${source.job} has ${found.spec.count} tasks; there is no index ${source.index}`);
  }
}
