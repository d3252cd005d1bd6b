import { type ProcedureInput, type ProcedureOutput, UdcsError } from '@udcs/protocol';
import { networkOf } from '../../shell/index.ts';
import type { InviteRow, Keys } from '../ports.ts';
import { createRateLimit } from '../rate-limits.ts';
import type { Authenticator } from './authenticator.ts';
import { provenHostKey } from './host-key.ts';
import type { Issuing } from './issuing.ts';
import { hashSecret, mintSecret } from './secrets.ts';

export interface JoiningOptions {
  readonly keys: Keys;
  readonly issuing: Issuing;
  readonly authenticator: Authenticator;
  readonly clock: { monoMs(): number; wallMs(): number };
}

export interface Joining {
  join(input: ProcedureInput<'auth.join'>, address: string): Promise<ProcedureOutput<'auth.join'>>;
  login(input: ProcedureInput<'auth.login'>, address: string): Promise<ProcedureOutput<'auth.login'>>;
}

const DONATE_JOINS_PER_MINUTE = 20;
const LOGIN_LASTS_MS = 30 * 24 * 3600 * 1000;

export function createJoining({ keys, issuing, authenticator, clock }: JoiningOptions): Joining {
  const donations = createRateLimit(DONATE_JOINS_PER_MINUTE, clock.monoMs);

  const unusable = (): UdcsError =>
    new UdcsError('UNAUTHENTICATED', 'this code is not known here: it was used up, has expired or was revoked', {
      hint: 'ask the operator of the coordinator for a fresh link',
    });
  /** The invite behind a code. A wrong code counts as a failed attempt of its address. */
  const inviteOf = async (code: string, kinds: readonly InviteRow['kind'][], address: string): Promise<InviteRow> => {
    authenticator.checkAddress(address);
    const invite = await keys.findInvite(hashSecret(code), clock.wallMs());
    if (invite !== null && kinds.includes(invite.kind)) return invite;
    authenticator.failed(address);
    throw unusable();
  };
  const take = async (code: string): Promise<void> => {
    if (!(await keys.useInvite(hashSecret(code), clock.wallMs()))) throw unusable();
  };

  return {
    async join(input, address) {
      const invite = await inviteOf(input.code, ['native', 'donate'], address);
      const network = networkOf(address);
      if (invite.kind === 'donate') {
        if (input.kind !== 'browser')
          throw new UdcsError('FORBIDDEN', 'a donate link takes browser tabs only', { hint: 'a native worker joins with the link of "udcs invite"' });
        if (!donations.take(network))
          throw new UdcsError('RATE_LIMITED', 'too many tabs joined from this network in the last minute', { hint: 'try again in a minute' });
      }
      const hostKey = provenHostKey(input.publicKey, input.signature, input.code);
      await take(input.code);
      const key = mintSecret('wrk');
      await keys.putHost({
        hostKey,
        keyHash: hashSecret(key),
        owner: invite.owner,
        kind: input.kind,
        network,
        name: plainText(input.name),
        invite: invite.id,
        joinedAtMs: clock.wallMs(),
      });
      return { key, hostKey };
    },
    async login(input, address) {
      const invite = await inviteOf(input.code, ['login'], address);
      await take(input.code);
      const owner = invite.owner ?? 'admin';
      const { token, secret } = await issuing.createToken({ name: 'dashboard login', owner, scopes: invite.scopes ?? ['read'], expiresInMs: LOGIN_LASTS_MS });
      return { token: secret, owner, scopes: token.scopes };
    },
  };
}

/** Names are shown in terminals and pages: control characters go. */
const plainText = (text: string): string => text.replace(/\p{C}/gu, ' ').trim();
