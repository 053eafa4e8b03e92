// vestige search [EXPR]
import type { Command } from 'commander';
import { SEARCHABLE_FIELDS, searchEvents } from '../../analytics/queries/events.ts';
import { parseSearch } from '../../analytics/queries/search-expression.ts';
import { CommandError, type Context, EXIT } from '../context.ts';
import { addLayer, addLimit, addPlaces, addTimes, type FilterOptions, readFilter } from '../filter-options.ts';
import { printLimited } from '../limited-list.ts';
import { eventColumns } from '../render/events.ts';

export function registerSearch(program: Command, context: Context): void {
  const command = program
    .command('search')
    .description('events whose records hold all the words given')
    .argument('[expr...]', 'words, "phrases" and field=value pairs; all must hold')
    .addHelpText(
      'after',
      `
A word matches whatever its case, in the bytes of the record or in what auditd wrote in hex.
field=value compares a column, * standing for any text:
  ${SEARCHABLE_FIELDS.join(', ')}

Examples:
  vestige search curl --layer auditd --since -2h
  vestige search '"/etc/shadow"' exe=*/cat
  vestige search secrets principal=system:serviceaccount:* outcome=403
  vestige --json search cronjobs action=create`,
    );
  addLimit(addLayer(addPlaces(addTimes(command)))).action(async (words: string[], options: FilterOptions) => {
    const filter = readFilter(options, context);
    const expression = parseSearch(words.join(' '), SEARCHABLE_FIELDS);
    if (typeof expression === 'string') throw new CommandError(EXIT.usage, expression);
    await context.withStore('vestige search', (store) => {
      const find = (limit: number) => searchEvents(store, expression, { ...filter, limit });
      return printLimited(context, store, filter.limit, find, eventColumns);
    });
  });
}
