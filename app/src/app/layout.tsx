// The frame of the document. Titles stand on the pages (ui/shell.tsx).
import type { Metadata } from 'next';
import type { ReactNode } from 'react';
import './globals.css';

export const metadata: Metadata = { description: 'Browser tabs and native machines as one computer' };

// Pages are made per request, so that their scripts can carry the nonce of that request's content security policy.
export const dynamic = 'force-dynamic';

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
