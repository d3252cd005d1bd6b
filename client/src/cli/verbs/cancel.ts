// `udcs cancel ID…`: ends jobs; what had succeeded before stays.
import type { Command } from 'commander';
import { jobIdOf } from '../ids.ts';
import { action, addVerb } from '../verb.ts';

export function addCancel(program: Command): void {
  addVerb(program, {
    usage: 'cancel <id...>',
    summary: 'Cancel jobs; results that were committed before stay.',
    examples: ['udcs cancel job_01jc…', 'udcs jobs --state running --json | jq -r .job.id | xargs udcs cancel'],
  }).action(
    action(async (context, _flags, texts) => {
      for (const id of texts.map(jobIdOf)) {
        const { job, canceled } = await context.grid().call('jobs.cancel', { id }, { signal: context.signal });
        context.out.event({ type: 'canceled', job: id, canceled });
        context.out.say(canceled ? `${id} canceled` : `${id} had already ended: ${job.state}`);
      }
      return 0;
    }),
  );
}
