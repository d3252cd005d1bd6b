// tRPC over WebSocket at /ws/trpc, with the guards the adapter lacks: the shape of each message is checked before it is parsed,
// strangers may say little, and a client that does not read is cut off instead of filling memory.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { getWSConnectionHandler } from '@trpc/server/adapters/ws';
import { closeCodes } from '@udcs/protocol';
import { WebSocket, WebSocketServer } from 'ws';
import { type Authenticator, bearerOf } from '../auth/authenticator.ts';
import { checkJsonShape } from '../http/body.ts';
import { BATCH_BODY_BYTES } from '../http/limits.ts';
import { callerOf } from '../rpc/caller.ts';
import { type ApiRouter, isDefect } from '../rpc/router.ts';
import { end } from './worker-socket.ts';

export interface TrpcSockets {
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  close(): void;
}

export interface TrpcSocketsOptions {
  readonly router: ApiRouter;
  readonly authenticator: Authenticator;
  readonly onDefect: (path: string, error: unknown) => void;
}

const STRANGER_BYTES = 64 * 1024;
const UNREAD_BYTES = 32 * 1024 * 1024;
const PING_MS = 20_000;
const PONG_MS = 10_000;

/** Judges every message before the adapter's listener sees it. */
class GuardedSocket extends WebSocket {
  /** Set once a token was accepted. */
  known = false;

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'message' && !this.passes(args[0], args[1] === true)) return false;
    return super.emit(event, ...args);
  }

  private passes(data: unknown, isBinary: boolean): boolean {
    if (isBinary || !Buffer.isBuffer(data)) return this.refuse(closeCodes.protocol, 'messages are JSON text');
    if (!this.known && data.length > STRANGER_BYTES) return this.refuse(closeCodes.tooLarge, 'too large before a token was accepted');
    if (this.bufferedAmount > UNREAD_BYTES) return this.refuse(closeCodes.overloaded, 'answers are not read');
    try {
      checkJsonShape(data.toString('utf8'), data.length);
      return true;
    } catch {
      return this.refuse(closeCodes.tooLarge, 'the JSON nests too deep or holds too many values');
    }
  }

  private refuse(code: number, reason: string): false {
    this.close(code, reason);
    return false;
  }
}

export function createTrpcSockets({ router, authenticator, onDefect }: TrpcSocketsOptions): TrpcSockets {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    maxPayload: BATCH_BODY_BYTES,
    perMessageDeflate: false,
    WebSocket: GuardedSocket,
  });
  const connected = getWSConnectionHandler({
    router,
    wss: server,
    keepAlive: { enabled: true, pingMs: PING_MS, pongWaitMs: PONG_MS },
    async createContext({ req, res, info }) {
      const token = info.connectionParams?.['token'] ?? bearerOf(req.headers.authorization);
      const caller = await callerOf(authenticator, token, req.socket.remoteAddress ?? '');
      if (res instanceof GuardedSocket) res.known = caller.principal !== null;
      return caller;
    },
    onError({ error, path }) {
      if (isDefect(error)) onDefect(path ?? 'connection', error);
    },
  });
  const watching = setInterval(() => {
    for (const client of server.clients) if (client.bufferedAmount > UNREAD_BYTES) client.close(closeCodes.overloaded, 'events are not read');
  }, 1_000).unref();
  return {
    accept(request, socket, head) {
      server.handleUpgrade(request, socket, head, (client) => {
        client.on('error', () => client.terminate());
        connected(client, request);
      });
    },
    close() {
      clearInterval(watching);
      for (const client of server.clients) end(client, 1001, 'the coordinator stops');
      server.close();
    },
  };
}
