// Who this worker is: a key pair made once per state folder, and the worker key it got for an invite. Both live in files that
// only their owner may read. Joining is one HTTP exchange; the invite's code is never stored.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isErrorCode, UdcsError } from '@udcs/protocol';

/** What a join leaves behind, so that the next start needs no invite. */
export interface SavedJoin {
  /** Origin of the coordinator, without a trailing slash. */
  readonly url: string;
  readonly key: string;
  readonly hostKey: string;
}

interface HostKeys {
  readonly privateKey: KeyObject;
  /** base64url of the SPKI bytes. */
  readonly publicKey: string;
  /** hex SHA-256 of the SPKI bytes. */
  readonly hostKey: string;
}

const JOIN_MS = 15_000;

/**
 * Cuts a join URL into origin and code.
 * @throws UdcsError INVALID_INPUT
 */
export function parseJoinUrl(text: string): { url: string; code: string } {
  const hint = 'it looks like http://host:port/join#CODE; `udcs invite` prints one';
  let parsed: URL;
  try {
    parsed = new URL(text);
  } catch (cause) {
    throw new UdcsError('INVALID_INPUT', `"${text}" is not a join URL`, { hint, cause });
  }
  const code = parsed.hash.slice(1);
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')
    throw new UdcsError('INVALID_INPUT', `a join URL begins with http or https, not ${parsed.protocol}`, { hint });
  if (parsed.pathname === '/donate')
    throw new UdcsError('INVALID_INPUT', 'this is a donate link, which is for browser tabs', { hint: 'open it in a browser, or ask for a join URL' });
  if (code === '') throw new UdcsError('INVALID_INPUT', 'the join URL has no code after #', { hint });
  return { url: parsed.origin, code };
}

export class Identity {
  readonly #folder: string;

  constructor(stateDir: string) {
    this.#folder = stateDir;
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  }

  saved(): SavedJoin | null {
    const file = join(this.#folder, 'worker.json');
    if (!existsSync(file)) return null;
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof content !== 'object' || content === null || !('url' in content) || !('key' in content) || !('hostKey' in content)) return null;
    const { url, key, hostKey } = content;
    return typeof url === 'string' && typeof key === 'string' && typeof hostKey === 'string' ? { url, key, hostKey } : null;
  }

  /**
   * Exchanges an invite's code for a worker key and keeps it.
   * @throws UdcsError UNREACHABLE, or the code the coordinator answered with
   */
  async join(url: string, code: string, name: string): Promise<SavedJoin> {
    const keys = this.#keys();
    const signature = sign('sha256', Buffer.from(code), { key: keys.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
    const answer = await post(`${url}/api/v1/join`, { code, kind: 'native', name, publicKey: keys.publicKey, signature });
    const saved = { url, key: answer.key, hostKey: answer.hostKey };
    if (saved.hostKey !== keys.hostKey) throw new UdcsError('INTERNAL', 'the coordinator answered with the host key of another machine');
    this.#write('worker.json', JSON.stringify(saved, null, 2));
    return saved;
  }

  #keys(): HostKeys {
    const file = join(this.#folder, 'host-key.pem');
    if (!existsSync(file)) {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      this.#write('host-key.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    }
    const privateKey = createPrivateKey(readFileSync(file));
    const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
    return { privateKey, publicKey: spki.toString('base64url'), hostKey: createHash('sha256').update(spki).digest('hex') };
  }

  #write(name: string, text: string): void {
    const file = join(this.#folder, name);
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
}

async function post(url: string, body: unknown): Promise<{ key: string; hostKey: string }> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(JOIN_MS),
      redirect: 'error',
    });
  } catch (cause) {
    throw new UdcsError('UNREACHABLE', `no coordinator answers at ${new URL(url).origin}`, { hint: 'is it running, and is the address right?', cause });
  }
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) throw refusal(response.status, answer);
  if (
    typeof answer === 'object' &&
    answer !== null &&
    'key' in answer &&
    'hostKey' in answer &&
    typeof answer.key === 'string' &&
    typeof answer.hostKey === 'string'
  ) {
    return { key: answer.key, hostKey: answer.hostKey };
  }
  throw new UdcsError('INTERNAL', `the answer of ${new URL(url).origin} to the join is not understood`, {
    hint: 'are worker and coordinator of the same version?',
  });
}

function refusal(status: number, answer: unknown): UdcsError {
  const record = typeof answer === 'object' && answer !== null && 'error' in answer ? answer.error : answer;
  if (
    typeof record === 'object' &&
    record !== null &&
    'code' in record &&
    isErrorCode(record.code) &&
    'message' in record &&
    typeof record.message === 'string'
  ) {
    const hint = 'hint' in record && typeof record.hint === 'string' ? { hint: record.hint } : {};
    return new UdcsError(record.code, `the coordinator refused the join: ${record.message}`, hint);
  }
  const code = status === 401 || status === 403 || status === 404 ? 'UNAUTHENTICATED' : status === 429 ? 'RATE_LIMITED' : 'UNREACHABLE';
  return new UdcsError(code, `the coordinator refused the join (HTTP ${status})`, {
    hint: 'invites expire and may be used a limited number of times: ask for a new one',
  });
}
