// vestige processes
import { type Command, InvalidArgumentError } from 'commander';
import { findContainers } from '../../analytics/queries/containers.ts';
import { growForest } from '../../analytics/queries/process-forest.ts';
import { listProcesses, type ProcessFilter, type ProcessRow, readFamily } from '../../analytics/queries/processes.ts';
import type { Store } from '../../analytics/store/store.ts';
import type { Context } from '../context.ts';
import { addLimit, addPlaces, addTimes, type FilterOptions, readFilter } from '../filter-options.ts';
import { printLimited } from '../limited-list.ts';
import { CANDIDATES_MAX, pickOne } from '../pick.ts';
import { clock, commandOf, containerLine, podName, shortId, shortTime } from '../render/cells.ts';
import { treeLines } from '../render/process-tree.ts';
import type { Column } from '../render/table.ts';

interface Options extends FilterOptions {
  pid?: number;
  exe?: string;
  tree?: boolean;
  setup?: boolean;
}

/** uid, and behind a slash the uid that logged in, where one did. */
const userOf = (p: ProcessRow) => `${p.uid ?? ''}${p.auid === null ? '' : `/${p.auid}`}`;

const surely = (p: ProcessRow) =>
  p.attribution === null ? '' : `${p.attribution.method} ${Math.round(p.attribution.confidence * 100)} %`;

const columns: readonly Column<ProcessRow>[] = [
  { title: 'FIRST SEEN', value: (p) => shortTime(p.first_seen) },
  { title: 'PID', value: (p) => String(p.pid) },
  { title: 'PARENT', value: (p) => (p.ppid < 0 ? '' : String(p.ppid)) },
  { title: 'USER', value: userOf },
  { title: 'CONTAINER', value: (p) => shortId(p.container_id) },
  { title: 'POD', value: podName, flexible: true },
  { title: 'HOW', value: surely },
  { title: 'ENDED', value: (p) => (p.ended_at === null ? '' : `${clock(p.ended_at)} ${p.ended_by}`) },
  {
    title: 'COMMAND',
    value: (p) => `${commandOf(p)}${p.left_by === '' ? '' : ` [left its container: ${p.left_by}]`}`,
    flexible: true,
  },
];

export function registerProcesses(program: Command, context: Context): void {
  const command = program
    .command('processes')
    .description('processes that auditd saw, with the container each belongs to and how that is known')
    .option('--pid <n>', 'that had this number on the node', parsePid)
    .option('--exe <name>', 'of this program: its path, or the end of it')
    .option('--tree', 'children under their parents; with --pid its ancestors and descendants')
    .option('--setup', 'also what runc does to prepare a container')
    .addHelpText(
      'after',
      `
--container takes NAMESPACE/POD/CONTAINER and names of containers as well.
--since and --until take processes that were there at any moment between them.

Examples:
  vestige processes --pod shop/web --tree
  vestige processes --pid 4242 --node worker-1 --tree
  vestige --json processes --exe '*/nsenter'`,
    );
  addLimit(addPlaces(addTimes(command))).action(async (options: Options) => {
    const given = { ...options, ...readFilter(options, context) };
    await context.withStore('vestige processes', async (store) => {
      const filter = await resolveContainer(store, given);
      if (!options.tree) {
        await printLimited(
          context,
          store,
          filter.limit,
          (limit) => listProcesses(store, { ...filter, limit }),
          columns,
        );
      } else if (filter.pid === undefined) await printTree(context, await take(store, filter), filter.limit);
      else await printTree(context, await familyOf(store, filter), filter.limit);
    });
  });
}

const ID = /^[0-9a-f]{1,64}$/;

/** A name becomes the id it stands for; ids and their beginnings stay. */
async function resolveContainer<F extends ProcessFilter>(store: Store, filter: F): Promise<F> {
  const { container } = filter;
  if (container === undefined || ID.test(container)) return filter;
  const found = await findContainers(store, container, filter, CANDIDATES_MAX + 1);
  const { container_id, cluster, node } = pickOne(found, 'container', container, containerLine);
  return { ...filter, container: undefined, containers: [container_id], cluster, node };
}

/** One more than the limit, which tells whether there are more. */
async function take(store: Store, filter: ProcessFilter & { limit: number }): Promise<ProcessRow[]> {
  const rows: ProcessRow[] = [];
  for await (const row of listProcesses(store, { ...filter, limit: filter.limit + 1 })) rows.push(row);
  return rows;
}

async function familyOf(store: Store, filter: ProcessFilter & { limit: number }): Promise<ProcessRow[]> {
  const had = await take(store, { ...filter, setup: true, limit: CANDIDATES_MAX });
  const of = pickOne(had, 'process', `with pid ${filter.pid} (--since, --until and --node choose)`, candidateLine);
  return readFamily(store, of, filter.limit + 1);
}

const candidateLine = (p: ProcessRow) =>
  [
    shortTime(p.first_seen),
    `until ${shortTime(p.ended_at ?? p.last_seen)}`,
    p.node,
    shortId(p.container_id),
    commandOf(p),
  ]
    .filter((word) => word !== '')
    .join('  ');

async function printTree(context: Context, found: readonly ProcessRow[], limit: number): Promise<void> {
  const rows = found.slice(0, limit);
  const forest = growForest(rows);
  const format = context.format();
  if (format === 'json' || format === 'ndjson') await context.printList(forest, columns);
  else if (format === 'csv') await context.printList(rows, columns);
  else {
    const lines = treeLines(forest, treeText, format === 'table');
    if (lines.length > 0) context.stdout.write(`${lines.join('\n')}\n`);
  }
  if (found.length > limit) context.say(`vestige: cut at ${limit}; --limit N shows more`);
  if (rows.length === 0 && format === 'table') context.say('nothing matches');
}

function treeText(p: ProcessRow): { head: string; rest: string } {
  const place = p.container_id === '' ? '' : `  (${podName(p) || shortId(p.container_id)}, ${surely(p)})`;
  const left = p.left_by === '' ? '' : `  [left its container: ${p.left_by}]`;
  return { head: shortTime(p.first_seen), rest: `${p.pid} ${userOf(p)} ${commandOf(p)}${place}${left}` };
}

function parsePid(text: string): number {
  // the kernel's bound: PID_MAX_LIMIT is 2^22
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('a process id');
  return Number(text);
}
