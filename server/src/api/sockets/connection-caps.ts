// How many sockets one address and all together may hold. Loopback is not one household, so only the total binds it.
import { isLoopbackAddress } from '../http/origins.ts';

export interface ConnectionCaps {
  /** null = over a cap; else the call that gives the place back (idempotent). */
  enter(address: string): (() => void) | null;
  readonly open: number;
}

export function createConnectionCaps(limits: { readonly perAddress: number; readonly total: number }): ConnectionCaps {
  const byAddress = new Map<string, number>();
  let open = 0;
  return {
    enter(address) {
      const held = byAddress.get(address) ?? 0;
      if (open >= limits.total || (held >= limits.perAddress && !isLoopbackAddress(address))) return null;
      open++;
      byAddress.set(address, held + 1);
      let left = false;
      return () => {
        if (left) return;
        left = true;
        open--;
        const now = (byAddress.get(address) ?? 1) - 1;
        if (now === 0) byAddress.delete(address);
        else byAddress.set(address, now);
      };
    },
    get open() {
      return open;
    },
  };
}
