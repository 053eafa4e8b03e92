// vestige findings
import { type Command, Option } from 'commander';
import { type Finding, listFindings, SEVERITIES, type Severity } from '../../analytics/queries/findings.ts';
import type { Context } from '../context.ts';
import { addLayer, addLimit, addPlaces, addTimes, type FilterOptions, readFilter } from '../filter-options.ts';
import { printLimited } from '../limited-list.ts';
import { podName, shortId, shortTime } from '../render/cells.ts';
import type { Column } from '../render/table.ts';

interface Options extends FilterOptions {
  severity?: Severity;
  rule?: string;
  technique?: string;
}

const columns: readonly Column<Finding>[] = [
  { title: 'TIME', value: (f) => shortTime(f.time) },
  { title: 'SEVERITY', value: (f) => f.severity },
  { title: 'TECHNIQUES', value: (f) => f.techniques.join(' ') },
  { title: 'TITLE', value: (f) => f.title, flexible: true },
  { title: 'POD', value: podName, flexible: true },
  { title: 'CONTAINER', value: (f) => shortId(f.container_id) },
  { title: 'SUMMARY', value: (f) => f.summary, flexible: true },
  { title: 'RECORD', value: (f) => shortId(f.digests[0] ?? '') },
];

export function registerFindings(program: Command, context: Context): void {
  const command = program
    .command('findings')
    .description('what the rules found, the worst first')
    .addOption(new Option('--severity <severity>', 'this severity and worse').choices(SEVERITIES))
    .option('--rule <id>', 'of this rule')
    .option('--technique <id>', 'of this ATT&CK technique; T1053 stands for its sub-techniques too')
    .addHelpText(
      'after',
      `
Examples:
  vestige findings --severity high
  vestige findings --technique T1611 --since -7d
  vestige --json findings --pod shop/web`,
    );
  addLimit(addLayer(addPlaces(addTimes(command)))).action(async (options: Options) => {
    const filter = { ...options, ...readFilter(options, context) };
    await context.withStore('vestige findings', (store) =>
      printLimited(context, store, filter.limit, (limit) => listFindings(store, { ...filter, limit }), columns),
    );
  });
}
