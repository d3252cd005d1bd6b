// `udcs artifacts put|get|list`: bytes by their digest.
import { type Digest, isDigest, UdcsError } from '@udcs/protocol';
import type { Command } from 'commander';
import { requireFile } from '../arguments.ts';
import type { CommonOptions } from '../context.ts';
import { saveBlob } from '../save-outputs.ts';
import { action, addVerb } from '../verb.ts';
import { agoText, bytesText, parseCount } from '../words.ts';

interface GetFlags extends CommonOptions {
  readonly output?: string;
}
interface ListFlags extends CommonOptions {
  readonly limit: string;
}

export function addArtifacts(program: Command): void {
  const group = addVerb(program, {
    usage: 'artifacts',
    summary: 'Upload, download and list bytes by their digest.',
    examples: ['udcs artifacts put model.bin', 'udcs artifacts get sha256:… -o model.bin'],
  });
  addVerb(group, {
    usage: 'put <file...>',
    summary: 'Upload files (- = stdin); prints a digest per file. What is there already is not sent.',
    examples: ['udcs artifacts put model.bin', 'tar c src | udcs artifacts put -'],
  }).action(
    action(async (context, _flags, files) => {
      for (const file of files) {
        if (file !== '-') await requireFile(file);
        const { digest, sizeBytes, sent } = await context.grid().artifacts.put(file === '-' ? process.stdin : { path: file }, { signal: context.signal });
        context.out.event({ type: 'artifact', file, digest, sizeBytes, sent });
        context.out.say(files.length > 1 ? `${digest}  ${file}` : digest);
        context.out.note(`${bytesText(sizeBytes)} ${sent ? 'uploaded' : 'were there already'}`);
      }
      return 0;
    }),
  );
  addVerb(group, {
    usage: 'get <digest>',
    summary: 'Download an artifact, hash checked, to stdout or a file.',
    examples: ['udcs artifacts get sha256:… -o model.bin', 'udcs artifacts get sha256:… | tar x'],
  })
    .option('-o, --output <file>', 'write it here')
    .action(
      action<GetFlags>(async (context, flags, [text = '']) => {
        const digest = digestOf(text);
        if (flags.output !== undefined) {
          await saveBlob(context.grid(), { digest, sizeBytes: 0 }, flags.output, context.signal);
          context.out.event({ type: 'saved', digest, file: flags.output });
          return 0;
        }
        for await (const part of context.grid().artifacts.stream(digest, { signal: context.signal })) {
          if (!process.stdout.write(part)) await new Promise<void>((resolve) => process.stdout.once('drain', () => resolve()));
        }
        return 0;
      }),
    );
  addVerb(group, {
    usage: 'list',
    summary: 'List your artifacts and how much of your quota they use.',
    examples: ['udcs artifacts list', 'udcs artifacts list --limit 100 --json'],
  })
    .option('--limit <n>', 'at most this many', '50')
    .action(
      action<ListFlags>(async (context, flags) => {
        const page = await context.grid().artifacts.list({ limit: Math.min(500, parseCount(flags.limit, '--limit')) }, context.signal);
        for (const item of page.items) context.out.event({ type: 'artifact', ...item });
        if (page.items.length > 0)
          context.out.table(
            ['DIGEST', 'SIZE', 'CREATED'],
            page.items.map((item) => [item.digest, bytesText(item.sizeBytes), agoText(item.createdAtMs, Date.now())]),
          );
        context.out.note(`${bytesText(page.usedBytes)} of ${bytesText(page.quotaBytes)} used`);
        return 0;
      }),
    );
}

function digestOf(text: string): Digest {
  const digest = text.startsWith('sha256:') ? text : `sha256:${text}`;
  if (isDigest(digest)) return digest;
  throw new UdcsError('INVALID_INPUT', `"${text}" is not a digest`, { hint: 'digests are sha256: and 64 hexadecimal digits' });
}
