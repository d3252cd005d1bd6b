// The page API: what a donate page needs and nothing else. URLs come in as arguments, so any bundler can build it.
export { createDonation, type Donation, type DonationOptions } from './donation.ts';
export {
  type CurrentTask,
  type DonationLimits,
  type DonationPhase,
  type DonationState,
  defaultLimits,
  type FinishedAttempt,
  idleState,
  type PauseReason,
} from './state.ts';
