// A table that becomes a list of cards where the screen is narrow: each cell then carries its column's name.
import type { ReactNode } from 'react';

export function Table({ label, columns, children }: { label: string; columns: readonly string[]; children: ReactNode }) {
  return (
    <table className="cards" aria-label={label}>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column} scope="col">
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}

/** @param label its column's name; without one it is the heading of the card */
export function Cell({ label, children, className = '' }: { label?: string; children?: ReactNode; className?: string }) {
  const empty = children === null || children === undefined || children === false;
  return (
    <td data-label={label} className={`${empty ? 'empty' : ''} ${className}`}>
      <div className="min-w-0">{children}</div>
    </td>
  );
}
