'use client';
// How the grid grows: a link that lends a tab, a command that joins a machine. Made by the coordinator, for tokens that may.
import { allows, type ProcedureOutput, toUdcsError, type UdcsError } from '@udcs/protocol';
import { useState } from 'react';
import { currentGrid } from '../../data/session.ts';
import { useQuery } from '../../data/use-query.ts';
import { Code } from '../../ui/code.tsx';
import { CopyText } from '../../ui/copy-text.tsx';
import { Button, Failure, Panel } from '../../ui/panel.tsx';

type Kind = 'donate' | 'native';
type Made = { readonly kind: Kind; readonly invite: ProcedureOutput<'invites.create'> };

const LIFE_DAYS = 7;
const LIFE_MS = LIFE_DAYS * 86_400_000;

export function InvitePanel() {
  const who = useQuery('whoami', (grid, signal) => grid.call('auth.whoami', {}, { signal }));
  const [working, setWorking] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const [failure, setFailure] = useState<UdcsError | null>(null);
  const invite = (kind: Kind): void => {
    setWorking(true);
    setFailure(null);
    currentGrid()
      ?.call('invites.create', { kind, expiresInMs: LIFE_MS })
      .then(
        (answer) => setMade({ kind, invite: answer }),
        (thrown: unknown) => setFailure(toUdcsError(thrown)),
      )
      .finally(() => setWorking(false));
  };
  const may = who.value !== null && allows(who.value.scopes, 'admin');
  return (
    <Panel title="Add workers">
      <div className="max-w-prose space-y-4">
        {who.value !== null && !may ? (
          <p className="text-soft">
            This token can not invite workers: that needs the scope admin. An operator can, here or with <Code>udcs invite</Code>.
          </p>
        ) : (
          <div className="flex flex-wrap gap-2">
            <Button quiet disabled={working || !may} onClick={() => invite('donate')}>
              Invite a donor
            </Button>
            <Button quiet disabled={working || !may} onClick={() => invite('native')}>
              Add a native worker
            </Button>
          </div>
        )}
        {failure !== null && <Failure message={failure.message} hint={failure.hint} />}
        {made !== null && <Invitation made={made} />}
      </div>
    </Panel>
  );
}

function Invitation({ made: { kind, invite } }: { made: Made }) {
  return (
    <div className="space-y-2" role="status">
      {kind === 'donate' ? (
        <>
          <p>Whoever opens this link can lend their browser tab. Nothing runs before they press Start.</p>
          <CopyText label="Donate link" text={invite.url} />
          <p className="text-sm text-soft">
            It works for {LIFE_DAYS} days, for any number of tabs. <a href={invite.url}>Lend this browser</a>
          </p>
        </>
      ) : (
        <>
          <p>Run this on the machine that is to work. It shows what it found and what it will accept.</p>
          <CopyText label="Command" text={`udcs worker '${invite.url}'`} />
          <p className="text-sm text-soft">It works for {LIFE_DAYS} days, for any number of machines, which then belong to you.</p>
        </>
      )}
      <p className="text-sm text-soft">
        Its id is <Code>{invite.invite.id}</Code>. The link is shown once: who has it can join.
      </p>
    </div>
  );
}
