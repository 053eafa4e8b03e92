// vestige indicators list|add|remove, vestige allowed-images list|add|remove
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { type List, type ListKind, loadLists, readLists, removeList } from '../../analytics/lists/lists.ts';
import { CommandError, type Context, EXIT } from '../context.ts';
import { shortId, shortTime } from '../render/cells.ts';
import type { Column } from '../render/table.ts';

const columns: readonly Column<List>[] = [
  { title: 'LIST', value: (list) => list.list },
  { title: 'ENTRIES', value: (list) => String(list.entries) },
  { title: 'SKIPPED', value: (list) => (list.skipped === 0 ? '' : String(list.skipped)) },
  { title: 'LOADED', value: (list) => shortTime(list.loaded_at) },
  { title: 'CONTENT', value: (list) => shortId(list.content) },
  { title: 'FILE', value: (list) => list.origin, flexible: true },
];

interface Words {
  kind: ListKind;
  description: string;
  files: string;
  examples: string;
}

export function registerIndicators(program: Command, context: Context): void {
  register(program, context, {
    kind: 'indicators',
    description: 'addresses, domains, URLs, digests and paths to look for, from lists of yours',
    files: 'CSV with a header or a single column, or STIX 2.1',
    examples: `
  vestige indicators add feed.csv c2.json
  vestige indicators list
  vestige indicators remove feed`,
  });
}

export function registerAllowedImages(program: Command, context: Context): void {
  register(program, context, {
    kind: 'allowed-images',
    description: 'where images may come from; what comes from elsewhere is found',
    files: 'YAML: patterns, or entries {namespace, images}',
    examples: `
  vestige allowed-images add registries.yml
  vestige allowed-images remove registries`,
  });
}

function register(program: Command, context: Context, { kind, description, files, examples }: Words): void {
  const group = program.command(kind).description(description);
  const at = `vestige ${kind}`;
  const help = `\nA list is called as its file, without the ending. Examples:${examples}`;
  group
    .command('list')
    .description('the lists there are')
    .addHelpText('after', help)
    .action(() => context.withStore(at, async (store) => context.printList(await readLists(store, kind), columns)));
  group
    .command('add')
    .argument('<file...>', files)
    .option('--cluster <name>', 'about this cluster alone')
    .description('takes lists in, in place of those of the same names')
    .addHelpText('after', help)
    .action((paths: string[], { cluster }: { cluster?: string }) =>
      context.withStore(at, async (store) => {
        checkPaths(paths);
        const options = {
          kind,
          paths,
          from: 'hand' as const,
          now: context.now(),
          ...(cluster === undefined ? {} : { cluster }),
        };
        for (const { path, at: where, detail } of await loadLists(store, options))
          context.say(`vestige: ${path}, ${where}: ${detail}`);
        context.say(AFTERWARDS);
      }),
    );
  group
    .command('remove')
    .argument('<list>')
    .description('what it found goes with the next vestige correlate')
    .addHelpText('after', help)
    .action((list: string) =>
      context.withStore(at, async (store) => {
        if (!(await removeList(store, kind, list))) throw new CommandError(EXIT.notFound, `no list ${list}`);
        context.say(AFTERWARDS);
      }),
    );
}

const AFTERWARDS = 'vestige: the next vestige correlate looks for it, in all that is stored';

export function checkPaths(paths: readonly string[]): void {
  for (const path of paths)
    if (!existsSync(path)) throw new CommandError(EXIT.notFound, `${path}: no such file or directory`);
}
