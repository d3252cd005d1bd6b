// Who may touch bytes: a token with its owner's rights, or a worker with the rights of one attempt that it holds right now.
import type { IncomingMessage } from 'node:http';
import { type AttemptRef, allows, limits, taskIdSchema, UdcsError } from '@udcs/protocol';
import type { Authorize } from '../../artifacts/index.ts';
import * as core from '../../core/index.ts';
import type { Coordinator } from '../../shell/index.ts';
import type { AccessStore } from '../../store/index.ts';
import { type Authenticator, bearerOf } from '../auth/authenticator.ts';
import { hashSecret } from '../auth/secrets.ts';

const ATTEMPT_HEADER = 'x-udcs-attempt';

export function createArtifactAuthorizer(access: Pick<AccessStore, 'findHost'>, authenticator: Authenticator, coordinator: Coordinator): Authorize {
  return async (request) => {
    const secret = bearerOf(request.headers.authorization);
    if (secret === null) throw new UdcsError('UNAUTHENTICATED', 'artifacts need a token', { hint: 'send the header "authorization: Bearer <token>"' });
    const address = request.socket.remoteAddress ?? '';
    const host = access.findHost(hashSecret(secret));
    if (host !== null) return attemptCaller(coordinator, host.id, refOf(request));
    const principal = await authenticator.authenticate(secret, address);
    if (!allows(principal.scopes, 'read')) throw new UdcsError('FORBIDDEN', 'reading artifacts needs the scope "read"');
    return { owner: principal.owner, mayWrite: allows(principal.scopes, 'submit'), isAdmin: allows(principal.scopes, 'admin'), attemptOf: null };
  };
}

/** `<task>/<epoch>/<attempt>` */
function refOf(request: IncomingMessage): AttemptRef {
  const header = request.headers[ATTEMPT_HEADER];
  const [task = '', epoch = '', attempt = ''] = typeof header === 'string' ? header.split('/') : [];
  const parsed = taskIdSchema.safeParse(task);
  if (!parsed.success || !/^\d{1,15}$/.test(epoch) || !/^\d{1,15}$/.test(attempt)) {
    throw new UdcsError('FORBIDDEN', 'a worker reads and writes artifacts for an attempt it holds', {
      hint: `name it in the header ${ATTEMPT_HEADER}: <task>/<epoch>/<attempt>`,
    });
  }
  return { task: parsed.data, epoch: Number(epoch), attempt: Number(attempt) };
}

function attemptCaller(coordinator: Coordinator, host: string, ref: AttemptRef): Awaited<ReturnType<Authorize>> {
  const job = coordinator.read((fleet) => {
    const open = core.attemptOf(fleet, ref);
    return open !== null && core.oneWorkerStatus(fleet, open.worker)?.introduction.host === host ? open.job : null;
  });
  const owner = job === null ? undefined : coordinator.publishing.jobView(job)?.owner;
  if (job === null || owner === undefined) {
    throw new UdcsError('FORBIDDEN', `this worker does not hold attempt ${ref.attempt} of ${ref.task} now`, {
      hint: `a worker that was cut off keeps its results up to ${limits.orphanMs / 60_000} minutes and uploads them once it is adopted again`,
    });
  }
  return { owner, mayWrite: true, isAdmin: false, attemptOf: job };
}
