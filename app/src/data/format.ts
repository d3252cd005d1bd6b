// Figures for people: every number with its unit, every time with its age.
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export const count = (value: number): string => number.format(value);
export const plural = (value: number, one: string, many = `${one}s`): string => `${count(value)} ${value === 1 ? one : many}`;

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export function bytes(value: number): string {
  const power = value < 1 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(value) / 3));
  return `${number.format(value / 1000 ** power)}\u00a0${BYTE_UNITS[power]}`;
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1000)} s`;
  return ms < 86_400_000 ? `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} min` : `${Math.floor(ms / 86_400_000)} days`;
}

export function age(atMs: number, nowMs: number): string {
  const passedMs = Math.max(0, nowMs - atMs);
  return passedMs < 5_000 ? 'just now' : `${passedMs < 60_000 ? `${Math.floor(passedMs / 1000)} s` : duration(passedMs)} ago`;
}

export const clock = (atMs: number): string => new Date(atMs).toLocaleString();
export const percent = (share: number): string => `${Math.round(share * 100)}\u00a0%`;
/** Enough of an id to tell it apart; ids sort by birth, so the end differs. */
export const shortId = (id: string): string => `${id.slice(0, 4)}…${id.slice(-6)}`;
