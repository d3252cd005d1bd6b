// Types that may be answered as they are named: nothing a browser would run or render as a page. All else is just bytes.
const SAFE = new Set([
  'application/json',
  'application/wasm',
  'application/gzip',
  'application/zip',
  'application/vnd.udcs.manifest+json',
  'audio/mpeg',
  'audio/ogg',
  'audio/wav',
  'image/avif',
  'image/gif',
  'image/jpeg',
  'image/png',
  'image/webp',
  'text/csv',
  'text/plain',
  'video/mp4',
  'video/webm',
]);

export const safeMediaType = (mediaType: string): string =>
  SAFE.has(mediaType) ? (mediaType.startsWith('text/') ? `${mediaType}; charset=utf-8` : mediaType) : 'application/octet-stream';
