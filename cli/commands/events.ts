// vestige events
import type { Command } from 'commander';
import { listEvents } from '../../analytics/queries/events.ts';
import type { Context } from '../context.ts';
import { addLayer, addLimit, addPlaces, addTimes, type FilterOptions, readFilter } from '../filter-options.ts';
import { printLimited } from '../limited-list.ts';
import { eventColumns } from '../render/events.ts';

export function registerEvents(program: Command, context: Context): void {
  const command = program
    .command('events')
    .description('events of the three layers in order of time, with the container each belongs to')
    .addHelpText(
      'after',
      `
Examples:
  vestige events --since 2026-11-23T13:10:00Z --until 2026-11-23T13:12:00Z
  vestige events --pod shop/web --layer auditd
  vestige events --limit 1000000 --ndjson | wc -l`,
    );
  addLimit(addLayer(addPlaces(addTimes(command)))).action(async (options: FilterOptions) => {
    const filter = readFilter(options, context);
    await context.withStore('vestige events', (store) =>
      printLimited(context, store, filter.limit, (limit) => listEvents(store, { ...filter, limit }), eventColumns),
    );
  });
}
