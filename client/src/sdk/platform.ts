// What differs between Node and a browser, without one top-level import that a browser lacks: Node's built-in modules are
// asked for by name at run time, the `ws` and `eventsource` packages are loaded only where the platform has no own.
import type * as NodeCrypto from 'node:crypto';
import type * as NodeFs from 'node:fs';
import type * as NodeOs from 'node:os';
import type * as NodePath from 'node:path';
import { UdcsError } from '@udcs/protocol';

interface Builtins {
  'node:crypto': typeof NodeCrypto;
  'node:fs': typeof NodeFs;
  'node:os': typeof NodeOs;
  'node:path': typeof NodePath;
}

/** A Node built-in module, or null in a browser. */
export function nodeBuiltin<N extends keyof Builtins>(name: N): Builtins[N] | null {
  const nodeProcess = (globalThis as { process?: { getBuiltinModule?: (name: N) => Builtins[N] | undefined } }).process;
  return nodeProcess?.getBuiltinModule?.(name) ?? null;
}

/** Like nodeBuiltin, for what only works in Node. */
export function requireNode<N extends keyof Builtins>(name: N, purpose: string): Builtins[N] {
  const found = nodeBuiltin(name);
  if (found === null) throw new UdcsError('INVALID_INPUT', `${purpose} works in Node only`, { hint: 'in a browser, pass the bytes or a Blob' });
  return found;
}

export const environmentValue = (name: string): string | undefined => {
  const value = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env?.[name];
  return value === '' ? undefined : value;
};

/** The platform's WebSocket, or that of `ws` where there is none (Node 20). */
export async function webSocketClass(): Promise<typeof WebSocket> {
  if (typeof globalThis.WebSocket === 'function') return globalThis.WebSocket;
  const { WebSocket: fromPackage } = await import('ws');
  // The two classes differ in types of events we never touch; tRPC uses their common part.
  const asPlatform: unknown = fromPackage;
  return asPlatform as typeof WebSocket;
}
