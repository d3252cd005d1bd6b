// Who calls a procedure, and from where. Made once per request, or once per WebSocket; a token that ends later is noticed at
// every call.
import { allows, type ProcedureName, type Scope, UdcsError } from '@udcs/protocol';
import type { Authenticator, Principal } from '../auth/authenticator.ts';

export interface Caller {
  readonly address: string;
  /** null = no token was given. */
  readonly principal: Principal | null;
  /** Why the token that was given does not count. */
  readonly refusal: UdcsError | null;
}

/** Never throws: public procedures answer anybody, the others throw the refusal. */
export async function callerOf(authenticator: Authenticator, secret: string | null, address: string): Promise<Caller> {
  if (secret === null) return { address, principal: null, refusal: null };
  try {
    return { address, principal: await authenticator.authenticate(secret, address), refusal: null };
  } catch (thrown) {
    if (thrown instanceof UdcsError) return { address, principal: null, refusal: thrown };
    throw thrown;
  }
}

/** @throws UdcsError UNAUTHENTICATED, FORBIDDEN, RATE_LIMITED */
export function checkScope(caller: Caller, needed: Scope | 'public', procedure: ProcedureName): void {
  if (needed === 'public') return;
  if (caller.refusal !== null) throw caller.refusal;
  if (caller.principal === null)
    throw new UdcsError('UNAUTHENTICATED', `${procedure} needs a token`, { hint: 'send the header "authorization: Bearer <token>"' });
  if (caller.principal.ended.aborted) throw new UdcsError('UNAUTHENTICATED', 'this token was revoked or has expired', { hint: 'log in again' });
  if (!allows(caller.principal.scopes, needed)) {
    throw new UdcsError('FORBIDDEN', `${procedure} needs the scope "${needed}"; this token has ${caller.principal.scopes.join(', ')}`, {
      hint: `ask for a token with the scope "${needed}"`,
    });
  }
}
