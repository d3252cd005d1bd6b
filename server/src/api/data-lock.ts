// One coordinator per data folder: a lock file with the process that holds it. A lock whose process is gone is taken over; on
// Linux the start time tells a reused process number apart.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UdcsError } from '@udcs/protocol';

/**
 * @returns the call that gives the lock back
 * @throws UdcsError CONFLICT when another coordinator holds it
 */
export function lockDataDir(dataDir: string): () => void {
  const path = join(dataDir, 'coordinator.lock');
  const mine = `${process.pid} ${startTimeOf(process.pid) ?? ''}\n`;
  for (let tries = 0; tries < 3; tries++) {
    try {
      writeFileSync(path, mine, { flag: 'wx', mode: 0o600 });
      return () => rmSync(path, { force: true });
    } catch (thrown) {
      if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
      const holder = holderOf(path);
      if (holder !== null)
        throw new UdcsError('CONFLICT', `${dataDir} is in use by another coordinator (process ${holder})`, {
          hint: 'stop it first, or choose another folder with --data',
        });
      rmSync(path, { force: true });
    }
  }
  throw new UdcsError('CONFLICT', `${dataDir} is being locked by others`, { hint: 'try again' });
}

/** The living process that holds the lock, or null. */
function holderOf(path: string): number | null {
  const [pidText = '', started = ''] = readText(path).trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0) return null;
  if (pid === process.pid && startTimeOf(pid) === null) return null; // left by an earlier process that had our number
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM')) return null;
  }
  const now = startTimeOf(pid);
  return now !== null && started !== '' && now !== started ? null : pid;
}

/** Ticks since boot at which the process started; null where there is no /proc. */
function startTimeOf(pid: number): string | null {
  const stat = readText(`/proc/${pid}/stat`);
  return stat === '' ? null : (stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
