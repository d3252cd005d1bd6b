// Reads a JSON request body under a byte limit. Refuses by Content-Length before reading, by count while reading, and by shape
// before parsing; the caller parses. Streams (uploads) never come through here.
import type { IncomingMessage } from 'node:http';
import { limits, UdcsError } from '@udcs/protocol';
import { jsonTrouble } from '../../shell/index.ts';

/**
 * @returns the body as text, '' when there is none
 * @throws UdcsError TOO_LARGE, INVALID_INPUT (content type, encoding)
 */
export async function readJsonText(request: IncomingMessage, maxBytes: number): Promise<string> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > maxBytes) throw tooLarge(maxBytes);
  if (announced === 0 && request.headers['transfer-encoding'] === undefined) return '';
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json')
    throw new UdcsError('INVALID_INPUT', `the content type is "${type ?? ''}", not application/json`, {
      hint: 'send the header "content-type: application/json"',
    });
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity')
    throw new UdcsError('INVALID_INPUT', 'compressed request bodies are not accepted', { hint: 'send the JSON as it is' });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  const text = body.toString('utf8');
  checkJsonShape(text, maxBytes);
  return text;
}

/** A request wraps a job: batch position, params, input, jobs, position. */
const ENVELOPE_DEPTH = 8;

/**
 * Depth and number of values, before JSON.parse: a batch of jobs may hold as many more values as it may hold bytes.
 * @throws UdcsError TOO_LARGE
 */
export function checkJsonShape(text: string, maxBytes: number): void {
  const trouble = jsonTrouble(text, {
    depth: limits.jsonDepth + ENVELOPE_DEPTH,
    nodes: limits.jsonNodes * Math.max(1, Math.round(maxBytes / limits.jobBytes)),
  });
  if (trouble !== null) throw new UdcsError('TOO_LARGE', trouble, { hint: 'put the data into an artifact and name its digest' });
}

const tooLarge = (maxBytes: number) =>
  new UdcsError('TOO_LARGE', `the request body is larger than ${maxBytes} bytes`, { hint: 'put large data into artifacts, or split the batch' });
