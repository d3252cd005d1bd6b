// For the crash test: a store under load that says on stdout what was acknowledged, until it is killed.
import { counted, settled, submitRow } from './fixture.ts';
import { openStore } from './open-store.ts';

const store = await openStore({
  dataDir: process.argv[2] as string,
  onFatal: (error) => {
    throw error;
  },
});
const { epoch } = await store.writer.boot();
const say = (line: string): void => void process.stdout.write(`${line}\n`);
say(`epoch ${epoch}`);

async function load(lane: number): Promise<never> {
  for (let round = 0; ; round++) {
    const row = submitRow({}, { key: `${epoch}/${lane}/${round}/${process.pid}` });
    // The fixture counts from the start of a process: a unique id needs the process too.
    const job = { ...row, job: { ...row.job, id: `job_${String(process.pid).padStart(8, '0')}${row.job.id.slice(12)}` as typeof row.job.id } };
    const [outcome] = await store.writer.submit([job]);
    if (outcome?.ok !== true) throw new Error(`refused: ${JSON.stringify(outcome)}`);
    say(`submitted ${job.job.id}`);
    const { id } = job.job;
    const refused = await store.writer.write([settled(id, 0, 1), counted(id, 1, { succeeded: 1, endedAtMs: 5 })]);
    if (refused.length > 0) throw new Error('refused');
    say(`settled ${id}`);
  }
}

await Promise.all(Array.from({ length: 16 }, (_, lane) => load(lane)));
