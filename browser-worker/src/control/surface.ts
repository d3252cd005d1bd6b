// The whole surface between the page and its control Worker, typed in one file. comlink carries it inside the tab and
// nowhere else; everything here is plain data and survives structuredClone.
import type { DonationLimits, DonationState } from '../page/state.ts';

export interface ControlStart {
  /** Base URL of the coordinator, without a trailing slash. */
  readonly coordinatorUrl: string;
  /** Invite of the donate link; null when this profile joined before. */
  readonly code: string | null;
  /** Absolute URL of the task Worker's script. */
  readonly taskUrl: string;
  readonly limits: DonationLimits;
  readonly conditions: Conditions;
}

/** What only the page can see. */
export interface Conditions {
  readonly battery: { readonly level: number; readonly charging: boolean } | null;
  /** The browser is about to stop this tab's threads. */
  readonly frozen: boolean;
}

export interface ControlSurface {
  start(options: ControlStart, listener: (state: DonationState) => void): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  setLimits(limits: DonationLimits): Promise<void>;
  /** `flag` as in leave(): a page that is being frozen can not await either. */
  setConditions(conditions: Conditions, flag: SharedArrayBuffer | null): Promise<void>;
  /** The network came back: try now instead of waiting for the next attempt. */
  online(): Promise<void>;
  /** Hands everything back and closes the connection. `flag[0]` becomes 1 when that is on its way: pagehide can not await. */
  leave(flag: SharedArrayBuffer | null): Promise<void>;
  /** leave, and delete key pair, worker key and cache. */
  forget(): Promise<void>;
}
