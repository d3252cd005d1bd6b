// The Range and Content-Range headers (RFC 9110 §14), one range at a time.
import { UdcsError } from '@udcs/protocol';

export interface ByteRange {
  readonly from: number;
  readonly bytes: number;
}

/** What a Range header asks of `sizeBytes` bytes: null = the whole (no header, or one we need not honour), 'unsatisfiable' = 416. */
export function rangeOf(header: string | undefined, sizeBytes: number): ByteRange | null | 'unsatisfiable' {
  const match = header === undefined ? null : /^bytes=(\d*)-(\d*)$/.exec(header.trim());
  if (match === null) return null;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return null;
  if (first === '') {
    const bytes = Math.min(Number(last), sizeBytes);
    if (sizeBytes === 0 && Number(last) > 0) return null; // the last bytes of nothing: nothing, whole
    return bytes === 0 ? 'unsatisfiable' : { from: sizeBytes - bytes, bytes };
  }
  const from = Number(first);
  const to = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (last !== '' && Number(last) < from) return null; // not a valid range: ignored, as the RFC says
  return from >= sizeBytes ? 'unsatisfiable' : { from, bytes: to - from + 1 };
}

/** Where an upload goes on. @throws UdcsError INVALID_INPUT */
export function uploadRangeOf(
  contentRange: string | undefined,
  contentLength: string | undefined,
): { readonly offset: number; readonly totalBytes: number | null } {
  if (contentRange === undefined) return { offset: 0, totalBytes: contentLength === undefined ? null : Number(contentLength) };
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(contentRange.trim());
  const [from, to, total] = (match?.slice(1) ?? []).map(Number);
  const isWhole = from !== undefined && to !== undefined && total !== undefined && from <= to && to === total - 1;
  if (!isWhole)
    throw new UdcsError('INVALID_INPUT', `Content-Range "${contentRange}" is not understood`, {
      hint: 'write bytes <first>-<last>/<total>, and send everything up to the end',
    });
  if (contentLength !== undefined && Number(contentLength) !== to - from + 1) throw new UdcsError('INVALID_INPUT', 'Content-Length and Content-Range disagree');
  return { offset: from, totalBytes: total };
}
