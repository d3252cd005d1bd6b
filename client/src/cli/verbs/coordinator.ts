// `udcs coordinator`: runs the coordinator alone, with the server's own flags.
import type { Command } from 'commander';
import { become } from '../children.ts';
import { addServerOptions, type ServerFlags, serverArgs } from '../server-options.ts';
import { action, addVerb } from '../verb.ts';

export function addCoordinator(program: Command): void {
  const command = addVerb(program, {
    usage: 'coordinator',
    summary: 'Run the coordinator alone: API, artifacts, dashboard, no worker.',
    examples: ['udcs coordinator --data /srv/udcs --port 8080', 'udcs coordinator --public-url https://grid.example.org'],
  });
  addServerOptions(command).action(
    action<ServerFlags>(async (context, flags) => {
      context.onInterrupt(() => undefined); // the child is told and says when it has ended
      return become('server', [...serverArgs(flags), ...(flags.json === true ? ['--json'] : [])]);
    }),
  );
}
