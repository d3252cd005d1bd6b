// The crowd of the idle bench: one host, many instances, each a socket that says hello, renews its lease, and takes no work.
// Arguments: join URL, count.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { once } from 'node:events';
import { type Capabilities, type Hello, type Load, PROTOCOL_VERSION, WORKER_SUBPROTOCOL } from '@udcs/protocol';
import { WebSocket } from 'ws';

const OPENING_AT_ONCE = 50;
const [joinUrl = '', wanted = '0'] = process.argv.slice(2);
const url = new URL(joinUrl);
const code = url.hash.slice(1);

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const spki = publicKey.export({ type: 'spki', format: 'der' });
const answer = await fetch(new URL('/api/v1/join', url), {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({
    code,
    kind: 'native',
    name: 'crowd',
    publicKey: spki.toString('base64url'),
    signature: sign('sha256', Buffer.from(code), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url'),
  }),
});
if (!answer.ok) throw new Error(`the join was refused: ${await answer.text()}`);
const { key } = (await answer.json()) as { key: string };

const load: Load = { cpuOthers: 0, memoryFreeBytes: 2 ** 33, diskFreeBytes: 2 ** 36, battery: null, throttle: 1, devices: [] };
const capabilities: Capabilities = {
  types: ['WASM'],
  untrustedTypes: ['WASM'],
  attributes: { kind: 'native', 'os.name': 'linux', arch: 'x64', 'cpu.count': 4, 'memory.bytes': 2 ** 34, isolation: ['process', 'wasm'], limits: 'enforced' },
  devices: [],
  pools: { slots: 4, cpus: 4, memoryBytes: 2 ** 34, diskBytes: 2 ** 36 },
};

async function open(): Promise<void> {
  const socket = new WebSocket(`${url.origin.replace('http', 'ws')}/ws/worker`, WORKER_SUBPROTOCOL, { perMessageDeflate: false });
  await once(socket, 'open');
  const hello: Hello = {
    type: 'hello',
    versions: [PROTOCOL_VERSION],
    key,
    kind: 'native',
    name: 'crowd',
    hostKey: createHash('sha256').update(spki).digest('hex'),
    instance: randomBytes(16).toString('hex'),
    software: 'idle-crowd/1',
    capabilities,
    load,
    cached: [],
    holding: [],
    grants: [],
  };
  socket.send(JSON.stringify(hello));
  const [frame] = await once(socket, 'message');
  const welcome = JSON.parse(String(frame)) as { type: string; renewMs: number };
  if (welcome.type !== 'welcome') throw new Error(`not welcome: ${String(frame)}`);
  setInterval(() => socket.send(JSON.stringify({ type: 'renew', load, attempts: [] })), welcome.renewMs);
  socket.on('close', (closeCode, reason) => {
    throw new Error(`a socket was closed: ${closeCode} ${String(reason)}`);
  });
}

let left = Number(wanted);
await Promise.all(
  Array.from({ length: OPENING_AT_ONCE }, async () => {
    while (left-- > 0) await open();
  }),
);
console.log('all joined');
