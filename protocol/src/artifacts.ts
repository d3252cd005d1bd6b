// Artifacts: immutable bytes named by their SHA-256. A manifest is an artifact that lists ranges of others in order, so a
// merge that only concatenates moves no bytes.
import * as z from 'zod/mini';
import { limits } from './limits.ts';

export const digestSchema = z.templateLiteral(['sha256:', z.string().check(z.regex(/[0-9a-f]{64}/))]);
export type Digest = z.infer<typeof digestSchema>;

export const isDigest = (value: unknown): value is Digest => typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value);

/** Media type of a manifest artifact; its bytes are this schema as JSON. `GET /artifacts/<digest>` of one streams the joined bytes. */
export const MANIFEST_MEDIA_TYPE = 'application/vnd.udcs.manifest+json';

export const manifestSchema = z.strictObject({
  kind: z.literal('udcs.manifest/1'),
  /** Total bytes of all parts. */
  sizeBytes: z.int().check(z.nonnegative()),
  parts: z
    .array(
      z.strictObject({
        digest: digestSchema,
        /** First byte inside the part's artifact. */
        offset: z.int().check(z.nonnegative()),
        /** Bytes taken from there. */
        bytes: z.int().check(z.nonnegative()),
        /** These are all the bytes of the part's artifact, so a reader can check them by its digest. */
        whole: z.optional(z.literal(true)),
      }),
    )
    .check(z.maxLength(limits.manifestParts)),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** Bytes that travel either inline (base64, ≤ 64 KiB) or by digest. */
export const blobRefSchema = z.strictObject({
  digest: digestSchema,
  sizeBytes: z.int().check(z.nonnegative()),
  /** base64 of the whole content; only when sizeBytes ≤ limits.inlineOutputBytes. */
  inline: z.optional(z.string().check(z.maxLength(Math.ceil((limits.inlineOutputBytes * 4) / 3) + 4))),
});
export type BlobRef = z.infer<typeof blobRefSchema>;
