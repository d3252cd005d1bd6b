import type { ReactNode } from 'react';

/** A command or a name as one types it. */
export const Code = ({ children }: { children: ReactNode }) => <code className="font-mono text-[0.9em] break-words">{children}</code>;
