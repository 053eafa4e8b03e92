// vestige containers
import type { Command } from 'commander';
import { type ContainerRow, listContainers } from '../../analytics/queries/containers.ts';
import type { Context } from '../context.ts';
import { addLimit, addPlaces, addTimes, type FilterOptions, readFilter } from '../filter-options.ts';
import { printLimited } from '../limited-list.ts';
import { duration, podName, shortId, shortTime } from '../render/cells.ts';
import type { Column } from '../render/table.ts';

interface Options extends FilterOptions {
  image?: string;
  sandboxes?: boolean;
}

const columns: readonly Column<ContainerRow>[] = [
  { title: 'CONTAINER', value: (c) => shortId(c.container_id) },
  { title: 'POD', value: podName, flexible: true },
  { title: 'NAME', value: (c) => c.container_name, flexible: true },
  { title: 'IMAGE', value: (c) => c.image, flexible: true },
  { title: 'NODE', value: (c) => c.node, flexible: true },
  { title: 'STARTED', value: (c) => shortTime(c.started_at ?? c.created_at) },
  { title: 'LIVED', value: (c) => (c.ended_at ? duration(c.started_at ?? c.created_at, c.ended_at) : 'runs') },
  { title: 'EXIT', value: (c) => (c.exit_status === null ? '' : String(c.exit_status)) },
  { title: 'FINDINGS', value: (c) => (c.findings === 0 ? '' : String(c.findings)) },
];

export function registerContainers(program: Command, context: Context): void {
  const command = program
    .command('containers')
    .description('containers, the dead and the living, the last started first')
    .option('--image <name>', 'of this image; * stands for any text')
    .option('--sandboxes', 'the sandboxes of pods too')
    .addHelpText(
      'after',
      `
--since and --until take containers that lived at any moment between them.

Examples:
  vestige containers --pod shop/*
  vestige containers --since 2026-11-23T13:10:00Z --until 2026-11-23T13:12:00Z
  vestige --json containers --image '*busybox*'`,
    );
  addLimit(addPlaces(addTimes(command))).action(async (options: Options) => {
    const filter = { ...options, ...readFilter(options, context) };
    await context.withStore('vestige containers', (store) =>
      printLimited(context, store, filter.limit, (limit) => listContainers(store, { ...filter, limit }), columns),
    );
  });
}
