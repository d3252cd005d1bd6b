// Tasks that succeeded in each of the last 60 seconds, as bars, with the same in words.
import { count } from '../../data/format.ts';

export function Throughput({ perSecond, lastMinute }: { perSecond: readonly number[]; lastMinute: number }) {
  const highest = Math.max(1, ...perSecond);
  const rate = lastMinute / 60;
  return (
    <figure>
      <svg
        viewBox="0 0 240 48"
        preserveAspectRatio="none"
        className="h-24 w-full"
        role="img"
        aria-label={`${count(lastMinute)} tasks in the last minute, at most ${count(highest)} in one second`}
      >
        {perSecond.map((tasks, second) => {
          const height = (tasks / highest) * 46;
          // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its second
          return <rect key={second} x={second * 4} y={48 - height} width={3} height={height} className="fill-native" />;
        })}
        <line x1="0" y1="47.75" x2="240" y2="47.75" className="stroke-line" strokeWidth="0.5" />
      </svg>
      <figcaption className="mt-2 flex justify-between text-sm text-soft">
        <span>60 s ago</span>
        <span>
          {rate.toFixed(rate < 10 ? 1 : 0)} tasks/s over the last minute, peak {count(highest)} tasks/s
        </span>
        <span>now</span>
      </figcaption>
    </figure>
  );
}
