// The socket side of /ws/worker: accepts the upgrade and hands a plain Connection to the gateway. It reads no frame; who the
// worker is, is the gateway's business.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { closeCodes, limits, WORKER_SUBPROTOCOL } from '@udcs/protocol';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ConnectionSink, Gateway } from '../../shell/index.ts';

export interface WorkerSockets {
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes what is open. */
  close(): void;
}

/** A peer that does not answer two pings is gone; TCP alone would notice only when something is sent. */
const PING_MS = 15_000;
/** A peer gets that long to say goodbye too. */
const GOODBYE_MS = 2_000;

export function end(client: WebSocket, code: number, reason: string): void {
  client.resume(); // a paused socket would never read the other side's goodbye
  client.close(code, reason);
  const timer = setTimeout(() => client.terminate(), GOODBYE_MS);
  client.once('close', () => clearTimeout(timer));
}

export function createWorkerSockets(gateway: Pick<Gateway, 'open'>): WorkerSockets {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    maxPayload: limits.controlFrameBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(WORKER_SUBPROTOCOL) ? WORKER_SUBPROTOCOL : false),
  });
  const silent = new WeakSet<WebSocket>();
  const pinging = setInterval(() => {
    for (const client of server.clients) {
      if (silent.has(client)) client.terminate();
      else {
        silent.add(client);
        client.ping();
      }
    }
  }, PING_MS).unref();

  return {
    accept(request, socket, head) {
      const address = request.socket.remoteAddress ?? '';
      server.handleUpgrade(request, socket, head, (client) => {
        client.on('pong', () => silent.delete(client));
        join(client, address, gateway);
      });
    },
    close() {
      clearInterval(pinging);
      for (const client of server.clients) end(client, closeCodes.overloaded, 'the coordinator stops');
      server.close();
    },
  };
}

function join(client: WebSocket, address: string, gateway: Pick<Gateway, 'open'>): void {
  const sink: ConnectionSink = gateway.open({
    remoteAddress: address,
    send: (text) => client.send(text, () => {}), // a failed send shows as close
    close: (code, reason) => end(client, code, reason),
    get bufferedBytes() {
      return client.bufferedAmount;
    },
    pause: () => client.pause(),
    resume: () => client.resume(),
  });
  client.on('message', (data, isBinary) => {
    if (isBinary) client.close(closeCodes.protocol, 'frames are JSON text');
    else sink.frame(data.toString());
  });
  client.on('close', () => sink.closed());
  client.on('error', () => client.terminate()); // frame too large, bad UTF-8: ws has sent its close code
}
