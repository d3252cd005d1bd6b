// Ended jobs and their idempotency keys go after a time, in small steps, so that no commit of the sweep holds up the others.
import { limits } from '@udcs/protocol';
import type { WriterQueue } from './writer-queue.ts';

const JOBS_PER_SWEEP = 200;
const ROWS_PER_STEP = 2_000;

/** @returns how many jobs were removed; call again when it is more than 0 */
export async function sweepEnded(writer: WriterQueue, nowMs: number, keepMs: number = limits.keepMs): Promise<number> {
  const beforeMs = nowMs - keepMs;
  const [due] = await writer.change([
    {
      // A job that an open one still waits for, or reads from, stays.
      sql: `select id from job where ended_at_ms is not null and ended_at_ms < ? and id not in (
        select u.value from job d, json_each(d.upstream) u where d.ended_at_ms is null and d.upstream is not null) order by ended_at_ms limit ?`,
      args: [beforeMs, JOBS_PER_SWEEP],
    },
    { sql: 'delete from worker where gone_at_ms < ?', args: [beforeMs] },
    { sql: 'delete from invite where expires_at_ms < ?', args: [beforeMs] },
  ]);
  const jobs = (due?.rows ?? []).map((row) => String(row['id']));
  for (const job of jobs) await removeJob(writer, job);
  return jobs.length;
}

async function removeJob(writer: WriterQueue, job: string): Promise<void> {
  for (let more = true; more; ) {
    const results = await writer.change([
      { sql: 'delete from task where (job, idx) in (select job, idx from task where job = ? limit ?)', args: [job, ROWS_PER_STEP] },
      { sql: 'delete from piece where (job, idx) in (select job, idx from piece where job = ? limit ?)', args: [job, ROWS_PER_STEP] },
      {
        sql: 'delete from attempt where (job, key, epoch, attempt) in (select job, key, epoch, attempt from attempt where job = ? limit ?)',
        args: [job, ROWS_PER_STEP],
      },
      {
        sql: `delete from inline_blob where digest in (select digest from artifact_ref where job = ?1 order by digest limit ?2)
          and not exists (select 1 from artifact_ref r where r.digest = inline_blob.digest and r.job <> ?1)`,
        args: [job, ROWS_PER_STEP],
      },
      {
        sql: 'delete from artifact_ref where (job, digest) in (select job, digest from artifact_ref where job = ? order by digest limit ?)',
        args: [job, ROWS_PER_STEP],
      },
    ]);
    more = results.some((result) => result.rowsAffected >= ROWS_PER_STEP);
  }
  await writer.change([{ sql: 'delete from job where id = ? and ended_at_ms is not null', args: [job] }]);
}
