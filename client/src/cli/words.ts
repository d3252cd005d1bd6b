// Numbers for people: bytes, durations, counts and times with their units, and the way back from what people type.
import { UdcsError } from '@udcs/protocol';

// Decimal, as the dashboard and explain say it: the figure can be typed into a job file as it stands.
const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `1500` → `1.5 kB` */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${BYTE_UNITS[unit]}`;
}

/** `90500` → `1 min 31 s` */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return twoUnits(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  if (seconds < 86_400) return twoUnits(Math.floor(seconds / 3_600), 'h', Math.floor((seconds % 3_600) / 60), 'min');
  return twoUnits(Math.floor(seconds / 86_400), 'd', Math.floor((seconds % 86_400) / 3_600), 'h');
}

const twoUnits = (first: number, firstUnit: string, second: number, secondUnit: string): string =>
  `${first} ${firstUnit}${second > 0 ? ` ${second} ${secondUnit}` : ''}`;

export const agoText = (atMs: number, nowMs: number): string => `${durationText(Math.max(0, nowMs - atMs))} ago`;

/** `1 task`, `2,000 tasks` */
export const countText = (count: number, noun: string): string => `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `5m`, `1h`, `7d`, `500ms`; a bare number is seconds. @throws UdcsError INVALID_INPUT */
export function parseDurationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)?$/.exec(text.trim());
  const unit = DURATION_UNITS[match?.[2] ?? 's'];
  if (match === null || unit === undefined)
    throw new UdcsError('INVALID_INPUT', `"${text}" is not a duration`, { hint: 'write it like 500ms, 30s, 5m, 1h or 7d' });
  return Math.round(Number(match[1]) * unit);
}

/** A whole number of at least `minimum`. @throws UdcsError INVALID_INPUT */
export function parseCount(text: string, what: string, minimum = 1): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < minimum)
    throw new UdcsError('INVALID_INPUT', `${what} must be a whole number of at least ${minimum}, not "${text}"`);
  return value;
}
