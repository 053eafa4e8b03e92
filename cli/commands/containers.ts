// vestige containers
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type ContainerRow, listContainers } from '../../analytics/queries/containers.ts';
import type { Context } from '../context.ts';
import { addLimit, addPlaces, addTimes, type FilterOptions, readFilter } from '../filter-options.ts';
import { printLimited } from '../limited-list.ts';
import { duration, podName, shortId, shortTime } from '../render/cells.ts';
import type { Column } from '../render/table.ts';

interface Options extends FilterOptions {
  image?: string;
  kind?: string;
  endedBy?: string;
  livedUnder?: number;
  sandboxes?: boolean;
}

const columns: readonly Column<ContainerRow>[] = [
  { title: 'CONTAINER', value: (c) => shortId(c.container_id) },
  { title: 'POD', value: podName, flexible: true },
  { title: 'NAME', value: (c) => c.container_name, flexible: true },
  { title: 'KIND', value: (c) => c.kind },
  { title: 'IMAGE', value: (c) => c.image, flexible: true },
  { title: 'NODE', value: (c) => c.node, flexible: true },
  { title: 'STARTED', value: (c) => shortTime(c.started_at ?? c.created_at) },
  { title: 'LIVED', value: lived },
  { title: 'ENDED BY', value: (c) => `${c.ended_by}${c.exit_status === null ? '' : ` ${c.exit_status}`}` },
  { title: 'FINDINGS', value: (c) => (c.findings === 0 ? '' : String(c.findings)) },
];

function lived(c: ContainerRow): string {
  if (c.ended_at !== null) return duration(c.started_at ?? c.created_at, c.ended_at);
  return c.ended_by === '' ? 'runs' : '';
}

export function registerContainers(program: Command, context: Context): void {
  const command = program
    .command('containers')
    .description('containers, the dead and the living, the last started first')
    .option('--image <name>', 'of this image; * stands for any text')
    .addOption(new Option('--kind <kind>', 'of this kind').choices(['container', 'init', 'ephemeral', 'sandbox']))
    .option('--ended-by <what>', 'ended by: exit, signal, oom, deleted, node gone, unknown')
    .option('--lived-under <duration>', 'that ended sooner: 500ms, 1s, 5m, 2h', parseDuration)
    .option('--sandboxes', 'the sandboxes of pods too')
    .addHelpText(
      'after',
      `
--since and --until take containers that lived at any moment between them.

Examples:
  vestige containers --pod shop/*
  vestige containers --lived-under 1s --ended-by signal
  vestige containers --since 2026-11-23T13:10:00Z --until 2026-11-23T13:12:00Z
  vestige --json containers --image '*busybox*'`,
    );
  addLimit(addPlaces(addTimes(command))).action(async ({ livedUnder, ...options }: Options) => {
    const filter = { ...options, ...readFilter(options, context), livedUnderMs: livedUnder };
    await context.withStore('vestige containers', (store) =>
      printLimited(context, store, filter.limit, (limit) => listContainers(store, { ...filter, limit }), columns),
    );
  });
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3 };

function parseDuration(text: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const ms = Math.ceil(Number(amount) * (unitMs[unit] ?? Number.NaN));
  if (!Number.isSafeInteger(ms) || ms === 0) throw new InvalidArgumentError('a duration: 500ms, 1s, 5m, 2h, 1d');
  return ms;
}
