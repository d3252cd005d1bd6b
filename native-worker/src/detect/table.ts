// What the worker found and what it will accept, as lines for a person.
import type { Capabilities } from '@udcs/protocol';
import type { Policy } from '../agent/policy.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Found, TypeCheck } from './detect.ts';

const GB = 1e9;

export function describeWorker(has: Capabilities, found: Found, checks: readonly TypeCheck[], policy: Policy, sandbox: Sandbox): string {
  const rows: [string, string][] = [
    ['system', [has.attributes['os.name'], has.attributes['os.version'], has.attributes['arch'], has.attributes['libc']].filter(Boolean).join(' ')],
    ['processor', `${has.attributes['cpu.model'] ?? 'unknown'}, ${has.attributes['cpu.count']} cores`],
    [
      'room for tasks',
      `${has.pools.slots} at a time, ${has.pools.cpus} cores, ${(has.pools.memoryBytes / GB).toFixed(1)} GB memory, ${(has.pools.diskBytes / GB).toFixed(1)} GB disk`,
    ],
    ['isolation', sandbox.level === 'sandbox' ? 'sandbox (bubblewrap)' : `process only: ${sandbox.why}`],
    [
      'limits',
      sandbox.limits === 'enforced'
        ? `enforced (control groups v${sandbox.groups?.version})`
        : 'weak: no writable control groups, untrusted native work is refused',
    ],
    ['WebGPU', adapterLine(found)],
    ...speedRows(has),
  ];
  const accepted = checks.map(({ type, problem }): [string, string] => {
    if (problem !== null) return [type, `no: ${problem}`];
    return [type, has.untrustedTypes.includes(type) ? 'from anyone' : 'only from the owner of this worker'];
  });
  return ['What this machine has', ...align(rows), '', 'What it will run', ...align(accepted), ...policy.warnings.map((warning) => `  ! ${warning}`), ''].join(
    '\n',
  );
}

function adapterLine(found: Found): string {
  if (found.gpu === null) return found.noGpu === null ? 'not asked for' : `none: ${found.noGpu}`;
  const name = found.devices[0]?.name ?? 'adapter';
  return found.gpu.software ? `${name} (software, no GPU)` : name;
}

function speedRows(has: Capabilities): [string, string][] {
  const { 'speed.wasm': wasm, 'speed.sha256': sha256, 'speed.wgsl': wgsl } = has.attributes;
  const parts = [
    wasm === undefined ? null : `WASM ${wasm} Mop/s`,
    sha256 === undefined ? null : `SHA-256 ${sha256} MiB/s`,
    wgsl === undefined ? null : `WGSL ${wgsl} M multiply-adds/s`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? [] : [['speed', parts.join(', ')]];
}

function align(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
}
