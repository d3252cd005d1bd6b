// What a donate link may say after its #: the invite code, then limits as key=value. The fragment never reaches a server.
import type { DonationLimits } from './state.ts';

const MiB = 1024 ** 2;

export interface HashOptions {
  readonly code: string | null;
  readonly limits: Partial<DonationLimits>;
}

/** Unknown keys and values that are no numbers are left out: a link is no place for an error message. */
export function optionsFromHash(hash: string): HashOptions {
  const [code = '', ...pairs] = hash.replace(/^#/, '').split('&');
  const values = new URLSearchParams(pairs.join('&'));
  const number = (name: string): number | null => {
    const value = values.get(name);
    return value !== null && /^\d+(\.\d+)?$/.test(value) ? Number(value) : null;
  };
  const cores = number('cores');
  const gpu = number('gpu');
  const memory = number('memory');
  const data = number('data');
  return {
    code: code === '' ? null : decodeURIComponent(code),
    limits: {
      ...(cores === null ? {} : { cores: Math.max(1, Math.round(cores)) }),
      ...(gpu === null ? {} : { gpuShare: Math.min(100, gpu) / 100 }),
      ...(memory === null ? {} : { memoryBytes: Math.max(1, Math.round(memory)) * MiB }),
      ...(data === null ? {} : { megabytesPerDay: data }),
      ...(values.get('battery') === '1' ? { onBattery: true } : {}),
    },
  };
}
