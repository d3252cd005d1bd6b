// Proof that whoever joins holds the private half of its key pair: an ECDSA P-256 signature over the invite code. The host key,
// a hash of the public key, is what the machine or browser profile is known by from then on.
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { UdcsError } from '@udcs/protocol';

const RAW_POINT_BYTES = 65;

/**
 * @param publicKey base64url of the raw uncompressed point or of the SPKI DER
 * @param signature base64url of the raw (IEEE P1363) signature over the UTF-8 code
 * @returns SHA-256 hex of the public key's bytes
 * @throws UdcsError INVALID_INPUT when the key or signature is not well formed, FORBIDDEN when it does not verify
 */
export function provenHostKey(publicKey: string, signature: string, code: string): string {
  const keyBytes = Buffer.from(publicKey, 'base64url');
  const key = readKey(keyBytes);
  const signed = Buffer.from(signature, 'base64url');
  if (signed.length !== 64) throw new UdcsError('INVALID_INPUT', `the signature is ${signed.length} bytes, not the 64 of a raw P-256 signature`);
  if (!verify('sha256', Buffer.from(code, 'utf8'), { key, dsaEncoding: 'ieee-p1363' }, signed)) {
    throw new UdcsError('FORBIDDEN', 'the signature does not fit the public key and the invite code', {
      hint: 'sign the code itself with the key pair that is sent',
    });
  }
  return createHash('sha256').update(keyBytes).digest('hex');
}

function readKey(bytes: Buffer): KeyObject {
  try {
    const key =
      bytes.length === RAW_POINT_BYTES && bytes[0] === 4
        ? createPublicKey({
            format: 'jwk',
            key: { kty: 'EC', crv: 'P-256', x: bytes.subarray(1, 33).toString('base64url'), y: bytes.subarray(33).toString('base64url') },
          })
        : createPublicKey({ format: 'der', type: 'spki', key: bytes });
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  } catch {
    // told below, in our words
  }
  throw new UdcsError('INVALID_INPUT', 'the public key is not an ECDSA P-256 key', { hint: 'send the raw point or the SPKI bytes as base64url' });
}
