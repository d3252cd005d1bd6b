// The door for workers: one session per connection, one open session per worker. It knows sockets and frames, not tasks.
import type { WorkerId } from '@udcs/protocol';
import type { Connection, ConnectionSink } from './seam.ts';
import { type Intake, type SessionSettings, WorkerSession } from './worker-session.ts';

export interface Gateway {
  /** Call for each accepted socket; feed what comes back. */
  open(connection: Connection): ConnectionSink;
  /** Sockets that have said hello. */
  readonly joined: number;
  /** Sockets that have not said a valid hello yet. */
  readonly strangers: number;
}

export function createGateway(settings: SessionSettings, intake: Intake): Gateway {
  const sessions = new Map<WorkerId, WorkerSession>();
  const strangers = new Set<WorkerSession>();

  return {
    open(connection) {
      const session: WorkerSession = new WorkerSession(settings, connection, intake, {
        open(opened) {
          strangers.delete(opened);
          sessions.get(opened.worker)?.replace();
          sessions.set(opened.worker, opened);
        },
        closed(gone) {
          if (strangers.delete(gone)) return;
          if (sessions.get(gone.worker) !== gone) return;
          sessions.delete(gone.worker);
          intake.closed(gone.worker);
        },
      });
      strangers.add(session);
      return session;
    },
    get joined() {
      return sessions.size;
    },
    get strangers() {
      return strangers.size;
    },
  };
}
