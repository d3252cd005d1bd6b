// Secrets: 256 random bits behind a prefix that says what it opens. Only the SHA-256 of a secret is ever stored; random secrets
// need no slow hash.
import { createHash, randomBytes } from 'node:crypto';

/** tok = API token, wrk = worker key, inv = join or donate code, log = one-time login code */
export type SecretKind = 'tok' | 'wrk' | 'inv' | 'log';

/** What tokenView.prefix shows: enough to recognise a secret by, far too little to guess it. */
export const SHOWN_CHARACTERS = 13;

export const mintSecret = (kind: SecretKind): string => `udcs_${kind}_${randomBytes(32).toString('base64url')}`;

/** SHA-256 hex, what the store keeps. */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Finds secrets inside any text, for redaction. */
export const SECRET_PATTERN = /udcs_(tok|wrk|inv|log)_[A-Za-z0-9_-]{20,}/g;
