// `udcs token create|list|revoke`: who may use the coordinator, and for what.
import { SCOPES, type Scope, UdcsError } from '@udcs/protocol';
import type { Command } from 'commander';
import type { CommonOptions } from '../context.ts';
import { tokenIdOf } from '../ids.ts';
import { action, addVerb } from '../verb.ts';
import { agoText, durationText, parseDurationMs } from '../words.ts';

interface CreateFlags extends CommonOptions {
  readonly scope: string;
  readonly owner?: string;
  readonly expires?: string;
}

export function addToken(program: Command): void {
  const group = addVerb(program, {
    usage: 'token',
    summary: 'Create, list and revoke tokens.',
    examples: ['udcs token create laptop', 'udcs token revoke tok_01jc…'],
  });
  addVerb(group, {
    usage: 'create <name>',
    summary: 'Create a token; its secret is shown once.',
    examples: ['udcs token create laptop --expires 30d', 'udcs token create ci --scope submit,read --owner team-a'],
  })
    .option('--scope <list>', `comma-separated: ${SCOPES.join(', ')}`, 'submit,read')
    .option('--owner <name>', 'person or team that its jobs belong to')
    .option('--expires <time>', 'such as 12h or 30d; default: never')
    .action(
      action<CreateFlags>(async (context, flags, [name = '']) => {
        const { token, secret } = await context.grid().call(
          'tokens.create',
          {
            name,
            scopes: scopesOf(flags.scope),
            ...(flags.owner === undefined ? {} : { owner: flags.owner }),
            ...(flags.expires === undefined ? {} : { expiresInMs: parseDurationMs(flags.expires) }),
          },
          { signal: context.signal },
        );
        context.out.event({ type: 'token', token, secret });
        context.out.say(secret);
        context.out.note(`token ${token.id} of ${token.owner} for ${token.scopes.join(', ')}; it is not shown again`);
        return 0;
      }),
    );
  addList(group);
  addRevoke(group);
}

function addList(group: Command): void {
  addVerb(group, {
    usage: 'list',
    summary: 'List tokens; secrets are never shown again.',
    examples: ['udcs token list', 'udcs token list --json | jq -r .token.id'],
  }).action(
    action(async (context) => {
      const { items } = await context.grid().call('tokens.list', { limit: 500 }, { signal: context.signal });
      for (const token of items) context.out.event({ type: 'token', token });
      context.out.table(
        ['ID', 'NAME', 'OWNER', 'SCOPES', 'BEGINS', 'EXPIRES', 'LAST USED', 'STATE'],
        items.map((token) => [
          token.id,
          token.name,
          token.owner,
          token.scopes.join(' '),
          `${token.prefix}…`,
          expiryText(token.expiresAtMs),
          token.lastUsedAtMs === null ? 'never' : agoText(token.lastUsedAtMs, Date.now()),
          token.revokedAtMs === null ? 'valid' : 'revoked',
        ]),
      );
      return 0;
    }),
  );
}

function addRevoke(group: Command): void {
  addVerb(group, {
    usage: 'revoke <id...>',
    summary: 'End tokens at once; open connections of theirs are closed.',
    examples: ['udcs token revoke tok_01jc…', 'udcs token revoke tok_01jc… tok_01jd…'],
  }).action(
    action(async (context, _flags, texts) => {
      for (const id of texts.map(tokenIdOf)) {
        await context.grid().call('tokens.revoke', { id }, { signal: context.signal });
        context.out.event({ type: 'revoked', token: id });
        context.out.say(`${id} revoked`);
      }
      return 0;
    }),
  );
}

const expiryText = (atMs: number | null): string => (atMs === null ? 'never' : atMs <= Date.now() ? 'expired' : `in ${durationText(atMs - Date.now())}`);

function scopesOf(text: string): Scope[] {
  return text.split(',').map((part) => {
    const scope = SCOPES.find((known) => known === part.trim());
    if (scope === undefined) throw new UdcsError('INVALID_INPUT', `"${part}" is not a scope`, { hint: `scopes are ${SCOPES.join(', ')}` });
    return scope;
  });
}
