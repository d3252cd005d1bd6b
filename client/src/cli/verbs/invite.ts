// `udcs invite`: a link with which a machine (or, with --donate, a browser tab) joins.
import type { Command } from 'commander';
import type { CommonOptions } from '../context.ts';
import { action, addVerb } from '../verb.ts';
import { durationText, parseCount, parseDurationMs } from '../words.ts';

interface InviteFlags extends CommonOptions {
  readonly donate?: boolean;
  readonly uses?: string;
  readonly expires: string;
}

export function addInvite(program: Command): void {
  addVerb(program, {
    usage: 'invite',
    summary: 'Make a link with which a machine, or a browser tab, joins as a worker.',
    examples: ['udcs invite', 'udcs invite --donate --uses 500 --expires 7d'],
  })
    .option('--donate', 'a link for browser tabs: no account, no name')
    .option('--uses <n>', 'how many may join with it (default 1, with --donate 1000)')
    .option('--expires <time>', 'such as 1h or 7d', '1h')
    .action(
      action<InviteFlags>(async (context, flags) => {
        const uses = flags.uses === undefined ? (flags.donate === true ? 1_000 : 1) : parseCount(flags.uses, '--uses');
        const expiresInMs = parseDurationMs(flags.expires);
        const { invite, code, url } = await context
          .grid()
          .call('invites.create', { kind: flags.donate === true ? 'donate' : 'native', uses, expiresInMs }, { signal: context.signal });
        context.out.event({ type: 'invite', invite, code, url });
        context.out.say(url);
        const how = flags.donate === true ? 'open it in a browser' : `run \`udcs worker ${url}\` on the other machine`;
        context.out.note(`${how}; good for ${uses === 1 ? 'one worker' : `${uses.toLocaleString('en-US')} workers`} within ${durationText(expiresInMs)}`);
        return 0;
      }),
    );
}
