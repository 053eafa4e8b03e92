// vestige doctor
import type { Command } from 'commander';
import { type Check, examine } from '../../analytics/doctor.ts';
import { type Context, EXIT } from '../context.ts';
import type { Column } from '../render/table.ts';

const columns: readonly Column<Check>[] = [
  { title: 'CHECK', value: (c) => c.check },
  { title: 'STATUS', value: (c) => c.status },
  { title: 'DETAIL', value: (c) => c.detail },
];

export function registerDoctor(program: Command, context: Context): void {
  program
    .command('doctor')
    .description('is the store whole: books of imports, records and rows, conclusions, seals, disk')
    .addHelpText(
      'after',
      `
ok: it holds. due: nothing is wrong, but work waits, and the detail names the command. problem: it does not hold; exit code 1.

Examples:
  vestige doctor
  vestige --json doctor`,
    )
    .action(() =>
      context.withStore('vestige doctor', async (store) => {
        const seen: Check[] = [];
        const told = async function* () {
          for await (const check of examine(store)) {
            seen.push(check);
            yield check;
          }
        };
        await context.printList(told(), columns);
        if (seen.some(({ status }) => status === 'problem')) context.setExitCode(EXIT.failed);
      }),
    );
}
