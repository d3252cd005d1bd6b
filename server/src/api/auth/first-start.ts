// What a coordinator has ready for its operator at every start: the admin token file, the standing invites, a fresh one-time
// dashboard link. Secrets live in files only their owner can read; the store knows hashes.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Keys } from '../ports.ts';
import type { Issuing } from './issuing.ts';
import { hashSecret } from './secrets.ts';

const ADMIN_OWNER = 'admin';

export interface Doors {
  readonly adminTokenFile: string;
  readonly adminToken: string;
  readonly joinCode: string;
  readonly donateCode: string;
  readonly loginCode: string;
}

const LOGIN_LINK_LASTS_MS = 24 * 3600 * 1000;

export async function prepareDoors(options: {
  readonly dataDir: string;
  readonly keys: Keys;
  readonly issuing: Issuing;
  readonly wallMs: () => number;
}): Promise<Doors> {
  const { dataDir, keys, issuing } = options;
  const adminTokenFile = join(dataDir, 'admin-token');
  const kept = await read(adminTokenFile);
  const adminToken = kept !== null && (await isLiveToken(keys, kept, options.wallMs())) ? kept : await newAdminToken(issuing, adminTokenFile);
  const invites = join(dataDir, 'invites.json');
  const codes = parseCodes(await read(invites));
  const joinCode = await standing(keys, issuing, codes.join, 'native', options.wallMs());
  const donateCode = await standing(keys, issuing, codes.donate, 'donate', options.wallMs());
  if (joinCode !== codes.join || donateCode !== codes.donate) await writeSecret(invites, `${JSON.stringify({ join: joinCode, donate: donateCode })}\n`);
  const login = await issuing.createInvite({ kind: 'login', owner: ADMIN_OWNER, scopes: ['admin'], uses: 1, expiresInMs: LOGIN_LINK_LASTS_MS });
  return { adminTokenFile, adminToken, joinCode, donateCode, loginCode: login.code };
}

async function isLiveToken(keys: Keys, secret: string, nowMs: number): Promise<boolean> {
  const row = await keys.tokenByHash(hashSecret(secret));
  return row !== null && (row.expiresAtMs === null || row.expiresAtMs > nowMs);
}

async function newAdminToken(issuing: Issuing, file: string): Promise<string> {
  const { secret } = await issuing.createToken({ name: 'admin of this machine', owner: ADMIN_OWNER, scopes: ['admin'], expiresInMs: null });
  await writeSecret(file, `${secret}\n`);
  return secret;
}

/** The code of last time while it is good; a revoked one is replaced, so that the printed link always works. */
async function standing(keys: Keys, issuing: Issuing, code: string | null, kind: 'native' | 'donate', nowMs: number): Promise<string> {
  if (code !== null && (await keys.findInvite(hashSecret(code), nowMs)) !== null) return code;
  const fresh = await issuing.createInvite({ kind, owner: kind === 'donate' ? null : ADMIN_OWNER, scopes: null, uses: null, expiresInMs: null });
  return fresh.code;
}

function parseCodes(text: string | null): { join: string | null; donate: string | null } {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    const code = (name: string) => (typeof value === 'object' && value !== null && name in value ? String((value as Record<string, unknown>)[name]) : null);
    return { join: code('join'), donate: code('donate') };
  } catch {
    return { join: null, donate: null }; // a torn file: fresh codes are made
  }
}

const read = (path: string): Promise<string | null> =>
  readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => null,
  );

/** Written beside and renamed, readable by its owner only. */
async function writeSecret(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
