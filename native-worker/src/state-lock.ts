// One worker per state folder: two would share a host key and push each other off the coordinator.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UdcsError } from '@udcs/protocol';

/** @throws UdcsError CONFLICT while the process that holds it lives */
export function lockState(stateDir: string): () => void {
  const file = join(stateDir, 'lock');
  const holder = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  if (holder > 0 && holder !== process.pid && isAlive(holder)) {
    throw new UdcsError('CONFLICT', `a worker with process id ${holder} uses ${stateDir} already`, { hint: 'stop it, or give this one its own --state-dir' });
  }
  writeFileSync(file, String(process.pid), { mode: 0o600 });
  return () => rmSync(file, { force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return isWorker(pid);
  } catch {
    return false;
  }
}

/** After a reboot the number may belong to anything. */
function isWorker(pid: number): boolean {
  const commandLine = `/proc/${pid}/cmdline`;
  return !existsSync(commandLine) || readFileSync(commandLine, 'utf8').includes('node');
}
