// `udcs doctor`: looks at this machine and the coordinator, and says what is missing, what that costs and what to install.

import { UdcsError } from '@udcs/protocol';
import type { Command } from 'commander';
import { locate } from '../../sdk/index.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../failure.ts';
import { checkBrowser, checkFfmpeg, checkNode, checkSandbox, checkWebGpu, type Finding } from '../machine-checks.ts';
import { action, addVerb } from '../verb.ts';

export function addDoctor(program: Command): void {
  addVerb(program, {
    usage: 'doctor',
    summary: 'Check this machine and the coordinator; say what to install.',
    examples: ['udcs doctor', 'udcs doctor --json --url https://grid.example.org'],
  }).action(
    action(async (context) => {
      const findings = await Promise.all([checkNode(), checkCoordinator(context), checkBrowser(), checkSandbox(), checkFfmpeg(), checkWebGpu()]);
      for (const finding of findings) context.out.event({ type: 'check', ...finding });
      const mark = { ok: context.out.paint('green', 'ok'), missing: context.out.paint('yellow', 'missing'), broken: context.out.paint('red', 'broken') };
      context.out.table(
        ['CHECK', 'STATE', 'FOUND'],
        findings.map((finding) => [finding.name, mark[finding.state], finding.found]),
      );
      const advice = findings.filter((finding) => finding.advice !== null);
      if (advice.length > 0) context.out.say();
      for (const finding of advice) context.out.say(`${finding.name}: ${finding.advice}`);
      return findings.some((finding) => finding.state === 'broken') ? EXIT.failed : EXIT.ok;
    }),
  );
}

async function checkCoordinator(context: Context): Promise<Finding> {
  const name = 'coordinator';
  try {
    const { url } = locate(context.options);
    const grid = context.grid();
    const info = await grid.call('system.info', {}, { signal: context.signal });
    const who = await grid.call('auth.whoami', {}, { signal: context.signal });
    return { name, state: 'ok', found: `${info.software} at ${url}, as ${who.owner} (${who.scopes.join(', ')})`, advice: null };
  } catch (error) {
    if (!(error instanceof UdcsError)) throw error;
    const state = error.code === 'UNREACHABLE' ? 'missing' : 'broken';
    return { name, state, found: error.message, advice: error.hint ?? 'give a token with --token or UDCS_TOKEN' };
  }
}
