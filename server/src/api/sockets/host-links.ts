// Which connections belong to which host, so that a revoked key ends the connection at once and not only at the next hello.
import { closeCodes, type HostId, type WorkerId } from '@udcs/protocol';
import type { Intake, WorkerLink } from '../../shell/index.ts';

export interface HostLinks {
  /** The same intake, watched. */
  readonly intake: Intake;
  cutOff(hosts: readonly HostId[]): void;
}

export function watchHosts(intake: Intake): HostLinks {
  const links = new Map<WorkerId, { readonly host: HostId; readonly link: WorkerLink }>();
  return {
    intake: {
      get draining() {
        return intake.draining;
      },
      joined(link, introduction) {
        links.set(link.worker, { host: introduction.host, link });
        intake.joined(link, introduction);
      },
      heard: (worker, message) => intake.heard(worker, message),
      closed(worker) {
        links.delete(worker);
        intake.closed(worker);
      },
    },
    cutOff(hosts) {
      const ended = new Set(hosts);
      for (const { host, link } of [...links.values()]) if (ended.has(host)) link.close(closeCodes.refused, 'the key of this worker was revoked');
    },
  };
}
