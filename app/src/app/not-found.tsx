import Link from 'next/link';
import { Shell } from '../ui/shell.tsx';

export default function NotFound() {
  return (
    <Shell title="There is no such page">
      <p className="text-soft">
        The address may be mistyped. Go on at the{' '}
        <Link prefetch={false} href="/">
          overview
        </Link>
        .
      </p>
    </Shell>
  );
}
