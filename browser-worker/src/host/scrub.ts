// Takes the ways out of a task Worker's realm before any task runs: network, storage, other Workers, other tabs. Tasks are
// data and have no JavaScript; this is the second wall, for the day a runtime has a hole. The script's own CSP is the third.

const FORBIDDEN = [
  'fetch',
  'fetchLater',
  'XMLHttpRequest',
  'WebSocket',
  'WebSocketStream',
  'WebTransport',
  'EventSource',
  'importScripts',
  'indexedDB',
  'caches',
  'cookieStore',
  'BroadcastChannel',
  'Worker',
  'SharedWorker',
  'ServiceWorkerRegistration',
  'RTCPeerConnection',
  'RTCDataChannel',
  'Notification',
  'PressureObserver',
  'IdleDetector',
  'eval',
  'Function',
  'webkitRequestFileSystem',
  'webkitRequestFileSystemSync',
  'webkitResolveLocalFileSystemURL',
  'webkitResolveLocalFileSystemSyncURL',
] as const;

/** Of `navigator`, only what an executor's runtime asks: GPU and core count. */
const NAVIGATOR_KEPT = new Set(['gpu', 'hardwareConcurrency', 'constructor', 'userAgent', 'onLine']);

function hide(target: object, name: string): void {
  for (let owner: object | null = target; owner !== null; owner = Object.getPrototypeOf(owner)) {
    if (!Object.hasOwn(owner, name)) continue;
    // Deleting alone leaves the accessor reachable where it is not configurable; both are tried, the last word is the own property below.
    Reflect.deleteProperty(owner, name);
  }
  Reflect.defineProperty(target, name, { value: undefined, writable: false, configurable: false });
}

/** Call once, after the executor's chunks can still be imported (module loading needs none of this). */
export function scrub(realm: typeof globalThis): void {
  const navigator = realm.navigator;
  for (let owner: object | null = navigator; owner !== null && owner !== Object.prototype; owner = Object.getPrototypeOf(owner)) {
    for (const name of Object.getOwnPropertyNames(owner)) if (!NAVIGATOR_KEPT.has(name)) Reflect.deleteProperty(owner, name);
  }
  for (const name of FORBIDDEN) hide(realm, name);
}
