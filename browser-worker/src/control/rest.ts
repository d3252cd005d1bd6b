// Why a tab should rest now, most personal reason first. Pure.
import type { DonationLimits, PauseReason } from '../page/state.ts';
import type { Conditions } from './surface.ts';

export interface RestFacts {
  readonly userPaused: boolean;
  readonly conditions: Conditions;
  readonly limits: DonationLimits;
  readonly bytesToday: number;
  /** Local hour of the day, 0..23. */
  readonly hour: number;
}

export function restReasons({ userPaused, conditions, limits, bytesToday, hour }: RestFacts): PauseReason | null {
  if (userPaused) return 'you';
  if (conditions.frozen) return 'frozen';
  if (!limits.onBattery && conditions.battery !== null && !conditions.battery.charging) return 'battery';
  if (limits.hours !== null && !isInside(hour, limits.hours)) return 'hours';
  if (bytesToday >= limits.megabytesPerDay * 1_000_000) return 'data';
  return null;
}

/** `from` = `to` means the whole day. */
function isInside(hour: number, { from, to }: { readonly from: number; readonly to: number }): boolean {
  if (from === to) return true;
  return from < to ? hour >= from && hour < to : hour >= from || hour < to;
}
