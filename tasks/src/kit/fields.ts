// Schema pieces that several task types share. Text that may hold `${index}` or `${entry.x}` is listed in protocol/src/expand.ts.
import * as z from 'zod/mini';

/** A program's argument: any text without NUL. */
const argumentSchema = z.string().check(
  z.maxLength(4_096),
  z.refine((text) => !text.includes('\0'), 'an argument can not hold a NUL character'),
);
export const argumentsSchema = z.array(argumentSchema).check(z.maxLength(1_024));

export const environmentSchema = z
  .record(z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/)), argumentSchema)
  .check(z.refine((record) => Object.keys(record).length <= 256, 'at most 256 variables'));

/** Short text for stdin; longer input is an artifact with path /dev/stdin. */
export const stdinSchema = z.string().check(z.maxLength(65_536));

/** Names reserved for the system in an environment or a uniform struct. */
export const isReservedName = (name: string): boolean => name.startsWith('UDCS_');

/** Exit codes that count as success. */
export const successExitCodesSchema = z.array(z.int().check(z.minimum(0), z.maximum(255))).check(z.minLength(1), z.maxLength(256));
