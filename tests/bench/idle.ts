// What an idle worker costs the coordinator: resident memory before and after 10,000 workers have joined and gone quiet. The sockets are
// opened by a process of their own that speaks the wire and nothing else.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestGrid } from '../harness/grid.ts';
import { root } from '../harness/processes.ts';
import { describeMachine, writeReport } from './machine.ts';

const WORKERS = Number(process.env['UDCS_BENCH_WORKERS'] ?? 10_000);
const BUDGET_KIB = 20;

const residentKib = (pid: number): number => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

// Loopback is not one household: only the total of connections (20,000) binds here.
const grid = await TestGrid.start(['--no-dashboard']);
try {
  const before = residentKib(grid.coordinator.pid);
  const crowd = grid.processes.start('crowd', ['--import', 'tsx', join(root, 'tests/bench/idle-crowd.ts'), grid.listening.joinUrl, String(WORKERS)]);
  for (let joined = 0; joined < WORKERS; ) {
    const overview = grid.client.subscribe('overview.changes', {}, { signal: AbortSignal.timeout(300_000) });
    for await (const { workers } of overview) {
      joined = workers.native;
      if (joined >= WORKERS) break;
    }
  }
  const after = residentKib(grid.coordinator.pid);
  const perWorkerKib = (after - before) / WORKERS;
  await grid.processes.kill(crowd);
  console.log(
    `${WORKERS.toLocaleString('en')} idle workers: ${(before / 1024).toFixed(0)} → ${(after / 1024).toFixed(0)} MiB resident, ${perWorkerKib.toFixed(1)} KiB each (budget ${BUDGET_KIB} KiB)`,
  );
  writeReport('idle', {
    machine: describeMachine(grid.processes.folder),
    workers: WORKERS,
    residentKib: { before, after },
    perWorkerKib,
    budgetKib: BUDGET_KIB,
  });
} finally {
  await grid.stop();
}
