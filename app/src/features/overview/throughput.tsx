// Tasks that succeeded in each of the last 60 seconds, as bars, with the same in words.
import { count } from '../../data/format.ts';

export function Throughput({ perSecond, lastMinute }: { perSecond: readonly number[]; lastMinute: number }) {
  const highest = Math.max(0, ...perSecond);
  const rate = lastMinute / 60;
  const words =
    lastMinute === 0 ? 'No task ended in the last minute' : `${rate.toFixed(rate < 10 ? 1 : 0)} tasks/s on average, at most ${count(highest)} tasks/s`;
  return (
    <figure>
      <svg viewBox="0 0 240 48" preserveAspectRatio="none" className="h-24 w-full" aria-hidden>
        {perSecond.map((tasks, second) => {
          const height = (tasks / Math.max(1, highest)) * 46;
          // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its second
          return <rect key={second} x={second * 4} y={48 - height} width={3} height={height} className="fill-soft" />;
        })}
        <line x1="0" y1="47.75" x2="240" y2="47.75" className="stroke-line" strokeWidth="0.5" />
      </svg>
      <div className="mt-1 flex justify-between text-xs text-soft" aria-hidden>
        <span>60 s ago</span>
        <span>now</span>
      </div>
      <figcaption className="text-sm text-soft">{words}.</figcaption>
    </figure>
  );
}
