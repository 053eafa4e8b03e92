// vestige suppress list|add|remove, vestige maintenance list|add|remove
import type { Command } from 'commander';
import { parse } from 'yaml';
import { type ExceptionKind, remove, takeIn } from '../../analytics/noise/exceptions.ts';
import { judgeAgain } from '../../analytics/noise/judge.ts';
import { draftOf } from '../../analytics/noise/read-exceptions.ts';
import { type ExceptionRow, listExceptions } from '../../analytics/queries/exceptions.ts';
import type { Store } from '../../analytics/store/store.ts';
import { CommandError, type Context, EXIT } from '../context.ts';
import { shortTime } from '../render/cells.ts';
import type { Column } from '../render/table.ts';

/** Fields of a finding that have an option of their own. */
const FIELDS = {
  cluster: 'of this cluster',
  namespace: 'in this namespace',
  workload: 'of this workload: NAME or KIND/NAME',
  pod: 'of this pod; * stands for any text, as in all names here',
  container: 'in the container of this name',
  image: 'of this image',
  node: 'on this node',
  principal: 'by this user or service account',
  exe: 'by this program',
} as const;

interface AddOptions extends Partial<Record<keyof typeof FIELDS, string[]>> {
  owner: string;
  reason: string;
  expires?: string;
  from?: string;
  to?: string;
  rule?: string[];
  summary?: string[];
  selection?: string;
  filter?: string;
}

interface Words {
  kind: ExceptionKind;
  command: string;
  description: string;
  does: string;
  one: string;
  addTimes(command: Command): Command;
  examples: string;
}

export function registerSuppress(program: Command, context: Context): void {
  register(program, context, {
    kind: 'suppression',
    command: 'suppress',
    description: 'findings that are known to be nothing: hidden for a reason, by somebody, until a day',
    does: 'hides',
    one: 'suppression',
    addTimes: (command) =>
      command.requiredOption('--expires <date>', 'what happens from then on shows again; a year from now at most'),
    examples: `
  vestige suppress add nightly-backup --rule 'Secrets read*' --namespace backup --workload CronJob/nightly \\
    --owner storage@example.org --reason 'the backup reads the secrets of its namespace' --expires 2027-03-01
  vestige suppress list
  vestige suppress remove nightly-backup`,
  });
}

export function registerMaintenance(program: Command, context: Context): void {
  register(program, context, {
    kind: 'maintenance',
    command: 'maintenance',
    description: 'times of known work: what is found then is a level less grave, an intrusion left out',
    does: 'lowers',
    one: 'maintenance',
    addTimes: (command) =>
      command.requiredOption('--from <time>', 'when it begins').requiredOption('--to <time>', 'when it is over'),
    examples: `
  vestige maintenance add kernel-update --node 'worker-*' --from 2026-11-23T22:00:00Z --to 2026-11-24T04:00:00Z \\
    --owner nodes@example.org --reason 'nodes are drained and started anew'
  vestige maintenance list
  vestige maintenance remove kernel-update`,
  });
}

function register(program: Command, context: Context, words: Words): void {
  const group = program.command(words.command).description(words.description);
  const examples = `\nExamples:${words.examples}`;
  const at = `vestige ${words.command}`;
  group
    .command('list')
    .description(
      `each ${words.one} with what it ${words.does}; those that have expired and those that do nothing are told`,
    )
    .addHelpText('after', examples)
    .action(() => context.withStore(at, (store) => list(store, context, words)));
  const add = group
    .command('add')
    .argument('<name>', 'letters, digits, dots and dashes')
    .description(`a ${words.one} by hand; files are read by vestige correlate`)
    .requiredOption('--owner <who>', 'who answers for it')
    .requiredOption('--reason <words>', 'why')
    .option('--rule <rule...>', 'of these rules: ids, titles or tags, with * and ?');
  for (const [field, what] of Object.entries(FIELDS)) add.option(`--${field} <name...>`, what);
  words
    .addTimes(add)
    .option('--summary <words...>', 'whose summary holds these words')
    .option('--selection <yaml>', 'Sigma over the fields of a finding, as {namespace: shop, pod|startswith: web-}')
    .option('--filter <yaml>', 'what the selection does not mean')
    .addHelpText('after', examples)
    .action((name: string, options: AddOptions) =>
      context.withStore(at, (store) => addOne(store, context, words, name, options)),
    );
  group
    .command('remove')
    .argument('<name>')
    .description(`what it ${words.does} is as before`)
    .addHelpText('after', examples)
    .action((name: string) =>
      context.withStore(at, async (store) => {
        if (!(await remove(store, words.kind, name))) throw new CommandError(EXIT.notFound, `no ${words.one} ${name}`);
        await judgeAgain(store);
        context.say(AFTERWARDS);
      }),
    );
}

const AFTERWARDS = 'vestige: findings were judged again; chains follow with the next vestige correlate';

async function list(store: Store, context: Context, { kind, does }: Words): Promise<void> {
  const rows = await listExceptions(store, kind, context.now());
  const columns: Column<ExceptionRow>[] = [
    { title: 'NAME', value: (row) => row.name },
    { title: 'STATE', value: (row) => (row.state === 'idle' ? `${does} nothing` : row.state) },
    { title: does.toUpperCase(), value: (row) => String(row.findings) },
    ...(kind === 'maintenance' ? [{ title: 'FROM', value: (row: ExceptionRow) => shortTime(row.from) }] : []),
    { title: 'UNTIL', value: (row) => shortTime(row.until) },
    { title: 'OWNER', value: (row) => row.owner, flexible: true },
    { title: 'RULES', value: (row) => row.rules.join(', '), flexible: true },
    { title: 'ABOUT', value: (row) => JSON.stringify(row.selection ?? ''), flexible: true },
    { title: 'REASON', value: (row) => row.reason, flexible: true },
  ];
  await context.printList(rows, columns);
}

async function addOne(store: Store, context: Context, words: Words, name: string, options: AddOptions): Promise<void> {
  const { owner, reason, expires, from, to, rule: rules, summary, selection, filter, ...fields } = options;
  const about = { ...fields, ...(summary === undefined ? {} : { 'summary|contains': summary }) };
  const given = selection === undefined ? undefined : yaml(selection, '--selection');
  const whole = Object.keys(about).length === 0 ? given : { ...(given as object | undefined), ...about };
  const entry = {
    ...{ name, owner, reason },
    ...(rules === undefined ? {} : { rules }),
    ...(whole === undefined ? {} : { selection: whole }),
    ...(filter === undefined ? {} : { filter: yaml(filter, '--filter') }),
    ...(words.kind === 'maintenance' ? { from, to } : { expires }),
  };
  const outcome = draftOf(words.kind, entry, '');
  if ('details' in outcome) throw new CommandError(EXIT.usage, outcome.details.join('\n'));
  const refused = await takeIn(store, words.kind, [outcome.draft], context.now().getTime(), 'hand');
  if (refused[0]) throw new CommandError(EXIT.usage, refused[0].detail);
  await judgeAgain(store);
  const added = (await listExceptions(store, words.kind, context.now())).find((row) => row.name === name);
  if (added) context.printOne(added, () => `${name} ${words.does} ${added.findings} findings`);
  context.say(AFTERWARDS);
}

function yaml(text: string, option: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new CommandError(EXIT.usage, `${option}: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
  }
}
