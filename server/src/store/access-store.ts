// Who may talk to the coordinator: tokens, invites, login codes, joined hosts, and the settings of the installation. Every change
// is durable before its answer; look-ups by hash are answered from memory. Deciding what a scope allows is the API's work.
import type { HostId, InviteView, Scope, TokenView } from '@udcs/protocol';
import type { SqlRow, SqlValue, Statement } from './committer.ts';
import type { WriterQueue } from './writer-queue.ts';

export interface TokenRecord extends Omit<TokenView, 'scopes'> {
  readonly scopes: readonly Scope[];
  /** SHA-256 hex of the secret. */
  readonly hash: string;
}

export interface HostRecord {
  readonly id: HostId;
  /** SHA-256 hex of the host's public key. */
  readonly hostKey: string;
  /** SHA-256 hex of its worker key. */
  readonly keyHash: string;
  /** null = anonymous donor */
  readonly owner: string | null;
  readonly kind: 'browser' | 'native';
  readonly network: string;
  readonly name: string;
  readonly invite: string | null;
  readonly joinedAtMs: number;
}

export interface InviteRecord extends Omit<InviteView, 'kind'> {
  readonly kind: 'native' | 'donate' | 'login';
  readonly scopes: readonly Scope[] | null;
}
export type NewInvite = Omit<InviteRecord, 'joined' | 'revokedAtMs'> & { readonly codeHash: string };

const TOUCH_EVERY_MS = 60_000;

export class AccessStore {
  readonly #writer: WriterQueue;
  readonly #tokens = new Map<string, TokenRecord>();
  readonly #hosts = new Map<string, HostRecord>();
  readonly #settings = new Map<string, string>();

  private constructor(writer: WriterQueue) {
    this.#writer = writer;
  }

  static async open(writer: WriterQueue): Promise<AccessStore> {
    const access = new AccessStore(writer);
    const [tokens, hosts, settings] = await writer.change([
      { sql: 'select * from token where revoked_at_ms is null', args: [] },
      { sql: 'select * from host where revoked_at_ms is null', args: [] },
      { sql: 'select * from setting', args: [] },
    ]);
    for (const row of tokens?.rows ?? []) access.#tokens.set(String(row['hash']), tokenOf(row));
    for (const row of hosts?.rows ?? []) access.#hosts.set(String(row['key_hash']), hostOf(row));
    for (const row of settings?.rows ?? []) access.#settings.set(String(row['name']), String(row['value']));
    return access;
  }

  /** The token of that secret's hash; revoked ones are unknown, expired ones are the caller's question (`expiresAtMs`). */
  findToken(hash: string): TokenRecord | null {
    return this.#tokens.get(hash) ?? null;
  }

  get tokenCount(): number {
    return this.#tokens.size;
  }

  async createToken(token: Omit<TokenRecord, 'lastUsedAtMs' | 'revokedAtMs'>): Promise<TokenView> {
    const { id, hash, prefix, name, owner, scopes, createdAtMs, expiresAtMs } = token;
    await this.#change('insert into token (id, hash, prefix, name, owner, scopes, created_at_ms, expires_at_ms) values (?, ?, ?, ?, ?, ?, ?, ?)', [
      id,
      hash,
      prefix,
      name,
      owner,
      JSON.stringify(scopes),
      createdAtMs,
      expiresAtMs,
    ]);
    this.#tokens.set(hash, { ...token, lastUsedAtMs: null, revokedAtMs: null });
    return { id, prefix, name, owner, scopes: [...scopes], createdAtMs, expiresAtMs, lastUsedAtMs: null, revokedAtMs: null };
  }

  /** Notes a use, on disk at most once a minute. */
  async touchToken(hash: string, atMs: number): Promise<void> {
    const token = this.#tokens.get(hash);
    if (token === undefined || (token.lastUsedAtMs !== null && atMs - token.lastUsedAtMs < TOUCH_EVERY_MS)) return;
    this.#tokens.set(hash, { ...token, lastUsedAtMs: atMs });
    await this.#change('update token set last_used_at_ms = ? where hash = ?', [atMs, hash]);
  }

  /** @param owner whose it must be; null = anybody's. @returns false when there is no such token in force */
  async revokeToken(id: string, atMs: number, owner: string | null): Promise<boolean> {
    const rows = await this.#change(
      'update token set revoked_at_ms = ?1 where id = ?2 and revoked_at_ms is null and (?3 is null or owner = ?3) returning hash',
      [atMs, id, owner],
    );
    for (const row of rows) this.#tokens.delete(String(row['hash']));
    return rows.length > 0;
  }

  async createInvite(invite: NewInvite): Promise<InviteRecord> {
    const { id, codeHash, kind, owner, scopes, usesLeft, createdAtMs, expiresAtMs } = invite;
    const rows = await this.#change(
      'insert into invite (id, code_hash, kind, owner, scopes, uses_left, created_at_ms, expires_at_ms) values (?, ?, ?, ?, ?, ?, ?, ?) returning *',
      [id, codeHash, kind, owner, scopes === null ? null : JSON.stringify(scopes), usesLeft, createdAtMs, expiresAtMs],
    );
    return inviteOf(rows[0] ?? {});
  }

  /** Spends one use, once, even when many ask at the same time. @returns null when the code is unknown, spent, expired or revoked */
  async useInvite(codeHash: string, nowMs: number): Promise<InviteRecord | null> {
    const rows = await this.#change(
      `update invite set uses_left = uses_left - 1, joined = joined + 1
       where code_hash = ?1 and revoked_at_ms is null and (expires_at_ms is null or expires_at_ms > ?2) and (uses_left is null or uses_left > 0) returning *`,
      [codeHash, nowMs],
    );
    return rows[0] === undefined ? null : inviteOf(rows[0]);
  }

  /** Looks without spending. */
  async findInvite(codeHash: string, nowMs: number): Promise<InviteRecord | null> {
    const rows = await this.#change(
      'select * from invite where code_hash = ?1 and revoked_at_ms is null and (expires_at_ms is null or expires_at_ms > ?2) and (uses_left is null or uses_left > 0)',
      [codeHash, nowMs],
    );
    return rows[0] === undefined ? null : inviteOf(rows[0]);
  }

  async revokeInvite(id: string, atMs: number, owner: string | null): Promise<boolean> {
    const rows = await this.#change(
      'update invite set revoked_at_ms = ?1 where id = ?2 and revoked_at_ms is null and (?3 is null or owner = ?3) returning id',
      [atMs, id, owner],
    );
    return rows.length > 0;
  }

  /** The host of that worker key's hash. */
  findHost(keyHash: string): HostRecord | null {
    return this.#hosts.get(keyHash) ?? null;
  }

  /** A host joins or joins again: the same public key keeps its id and gets the new worker key, the old one ends. */
  async joinHost(host: HostRecord): Promise<HostRecord> {
    const rows = await this.#change(
      `insert into host (id, host_key, key_hash, owner, kind, network, name, invite, joined_at_ms) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
       on conflict (host_key) do update set key_hash = excluded.key_hash, owner = excluded.owner, kind = excluded.kind, network = excluded.network,
         name = excluded.name, invite = excluded.invite, joined_at_ms = excluded.joined_at_ms, revoked_at_ms = null
       returning *`,
      [host.id, host.hostKey, host.keyHash, host.owner, host.kind, host.network, host.name, host.invite, host.joinedAtMs],
    );
    const joined = hostOf(rows[0] ?? {});
    for (const [keyHash, known] of this.#hosts) if (known.id === joined.id) this.#hosts.delete(keyHash);
    this.#hosts.set(joined.keyHash, joined);
    return joined;
  }

  /** Ends the worker key of a host. @returns the hosts that were cut off */
  async revokeHosts(where: { readonly host?: HostId; readonly invite?: string }, atMs: number): Promise<readonly HostId[]> {
    const rows = await this.#change('update host set revoked_at_ms = ?1 where revoked_at_ms is null and (id = ?2 or invite = ?3) returning id, key_hash', [
      atMs,
      where.host ?? null,
      where.invite ?? null,
    ]);
    for (const row of rows) this.#hosts.delete(String(row['key_hash']));
    return rows.map((row) => String(row['id']) as HostId);
  }

  setting(name: string): string | null {
    return this.#settings.get(name) ?? null;
  }

  async setSetting(name: string, value: string): Promise<void> {
    await this.#change('insert into setting (name, value) values (?, ?) on conflict (name) do update set value = excluded.value', [name, value]);
    this.#settings.set(name, value);
  }

  /** The stored value, or `make()`'s from now on: how the server's MAC key is born. */
  async settingOrNew(name: string, make: () => string): Promise<string> {
    const known = this.#settings.get(name);
    if (known !== undefined) return known;
    const value = make();
    await this.setSetting(name, value);
    return value;
  }

  async #change(sql: string, args: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    const statement: Statement = { sql, args };
    return (await this.#writer.change([statement]))[0]?.rows ?? [];
  }
}

const text = (row: SqlRow, name: string): string => String(row[name]);
const maybeText = (row: SqlRow, name: string): string | null => (row[name] === null || row[name] === undefined ? null : String(row[name]));
const maybeNumber = (row: SqlRow, name: string): number | null => (row[name] === null || row[name] === undefined ? null : Number(row[name]));

const tokenOf = (row: SqlRow): TokenRecord => ({
  id: text(row, 'id'),
  hash: text(row, 'hash'),
  prefix: text(row, 'prefix'),
  name: text(row, 'name'),
  owner: text(row, 'owner'),
  scopes: JSON.parse(text(row, 'scopes')) as Scope[],
  createdAtMs: Number(row['created_at_ms']),
  expiresAtMs: maybeNumber(row, 'expires_at_ms'),
  lastUsedAtMs: maybeNumber(row, 'last_used_at_ms'),
  revokedAtMs: maybeNumber(row, 'revoked_at_ms'),
});

const hostOf = (row: SqlRow): HostRecord => ({
  id: text(row, 'id') as HostId,
  hostKey: text(row, 'host_key'),
  keyHash: text(row, 'key_hash'),
  owner: maybeText(row, 'owner'),
  kind: text(row, 'kind') as HostRecord['kind'],
  network: text(row, 'network'),
  name: text(row, 'name'),
  invite: maybeText(row, 'invite'),
  joinedAtMs: Number(row['joined_at_ms']),
});

const inviteOf = (row: SqlRow): InviteRecord => ({
  id: text(row, 'id'),
  kind: text(row, 'kind') as InviteRecord['kind'],
  owner: maybeText(row, 'owner'),
  scopes: row['scopes'] === null ? null : (JSON.parse(text(row, 'scopes')) as Scope[]),
  usesLeft: maybeNumber(row, 'uses_left'),
  joined: Number(row['joined']),
  createdAtMs: Number(row['created_at_ms']),
  expiresAtMs: maybeNumber(row, 'expires_at_ms'),
  revokedAtMs: maybeNumber(row, 'revoked_at_ms'),
});
