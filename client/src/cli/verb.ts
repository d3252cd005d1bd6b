// How a verb is declared, so that all look alike: the common options, help that ends in two examples, one error funnel,
// one way to end the process.
import { Command, Option } from 'commander';
import { type CommonOptions, Context } from './context.ts';
import { exitCodeOf, report } from './failure.ts';

export interface VerbFacts {
  /** As in `run <file>`. */
  readonly usage: string;
  readonly summary: string;
  readonly examples: readonly [string, string];
  readonly hidden?: boolean;
}

/** Adds a verb to a command; its options and action are added to what this returns. */
export function addVerb(parent: Command, facts: VerbFacts): Command {
  const command = parent.command(facts.usage, facts.hidden === true ? { hidden: true } : {});
  command.description(facts.summary);
  const path = parent.parent === null ? `udcs ${command.name()}` : `udcs ${parent.name()} ${command.name()}`;
  command.configureOutput({ outputError: (text, write) => write(usageError(text, path)) });
  addCommon(command);
  command.addHelpText('after', `\n${COMMON_LINE}\nExamples:\n  $ ${facts.examples[0]}\n  $ ${facts.examples[1]}`);
  return command;
}

/** Hidden in the list of options, which is long enough; one line names them. */
export function addCommon(command: Command): Command {
  return command
    .addOption(new Option('--json', 'one JSON object a line instead of words').hideHelp())
    .addOption(new Option('--url <url>', 'coordinator; default: UDCS_URL, else the one on this machine').hideHelp())
    .addOption(new Option('--token <token>', 'default: UDCS_TOKEN, else the local admin token').hideHelp())
    .addOption(new Option('--debug', 'show stacks of errors').hideHelp());
}

/** commander's `error: …` and `(Did you mean x?)` in our two lines. */
export function usageError(text: string, path: string): string {
  const [first = '', ...rest] = text.trim().split('\n');
  const suggestion = /\(Did you mean (?:one of )?(.+)\?\)/.exec(rest.join(' '))?.[1];
  const hint = suggestion === undefined ? `${path} --help lists what there is` : `did you mean ${suggestion}?`;
  return `udcs: ${first.replace(/^error: /, '')}\nhint: ${hint}\n`;
}

export const COMMON_LINE = 'Every verb: --json, --url URL (UDCS_URL), --token TOKEN (UDCS_TOKEN), --debug';

/** Wraps a verb's function as a commander action. It returns the exit code; nothing = 0. */
export function action<O extends CommonOptions>(
  run: (context: Context, options: O, args: readonly string[], command: Command) => Promise<number | undefined>,
): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const command = given.at(-1);
    if (!(command instanceof Command)) throw new Error('commander calls an action with the command last');
    const options = command.optsWithGlobals<O>();
    const context = new Context(options);
    let code: number;
    try {
      code = (await run(context, options, command.args, command)) ?? 0;
    } catch (thrown) {
      report(thrown, context.out, options.debug === true);
      code = exitCodeOf(thrown);
    }
    await context.close().catch(() => undefined);
    await end(code);
  };
}

/** Ends the process once what was written has left it. */
export async function end(code: number): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.writableLength > 0) await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
  process.exit(code);
}
