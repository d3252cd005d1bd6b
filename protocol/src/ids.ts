// Ids: a prefix says what is named, a UUIDv7 says which. They need no coordination, sort by birth and never repeat,
// so several coordinators can make them side by side. Randomness is an argument: the simulator replays it.
import * as z from 'zod/mini';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'; // Crockford base32: no i, l, o, u
const BODY = '[0-9a-hjkmnp-tv-z]{26}';

const idSchema = <P extends string>(prefix: P) => z.templateLiteral([`${prefix}_`, z.string().check(z.regex(new RegExp(BODY)))]);

export const jobIdSchema = idSchema('job');
export const workerIdSchema = idSchema('wkr');
export const tokenIdSchema = idSchema('tok');
export const hostIdSchema = idSchema('hst');
export const ownerIdSchema = idSchema('own');

export type JobId = z.infer<typeof jobIdSchema>;
export type WorkerId = z.infer<typeof workerIdSchema>;
export type TokenId = z.infer<typeof tokenIdSchema>;
export type HostId = z.infer<typeof hostIdSchema>;
export type OwnerId = z.infer<typeof ownerIdSchema>;

/** Key of a task inside its job: an array index in decimal, or a name a plan chose. Unique within the job. */
export const taskKeySchema = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/));
export type TaskKey = string;

/** `<job id>.<key>`. */
export type TaskId = `${JobId}.${TaskKey}`;
export const taskIdSchema = z.templateLiteral([jobIdSchema, '.', taskKeySchema]);

export const taskIdOf = (jobId: JobId, key: TaskKey): TaskId => `${jobId}.${key}`;

export function splitTaskId(taskId: TaskId): { jobId: JobId; key: TaskKey } {
  const dot = taskId.indexOf('.');
  return { jobId: taskId.slice(0, dot) as JobId, key: taskId.slice(dot + 1) };
}

type IdPrefix = 'job' | 'wkr' | 'tok' | 'hst' | 'own';

/**
 * A new id (RFC 9562 §5.7, UUIDv7, written in base32).
 * @param wallMs milliseconds since 1970
 * @param random at least 10 fresh random bytes
 */
export function makeId<P extends IdPrefix>(prefix: P, wallMs: number, random: Uint8Array): `${P}_${string}` {
  const bytes = new Uint8Array(16);
  let time = Math.floor(wallMs);
  for (let at = 5; at >= 0; at--) {
    bytes[at] = time % 256;
    time = Math.floor(time / 256);
  }
  bytes.set(random.subarray(0, 10), 6);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return `${prefix}_${base32(bytes)}`;
}

function base32(bytes: Uint8Array): string {
  let text = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(buffer >> bits) & 31];
    }
    buffer &= (1 << bits) - 1;
  }
  return bits > 0 ? text + ALPHABET[(buffer << (5 - bits)) & 31] : text;
}
