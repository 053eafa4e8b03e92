// vestige record DIGEST
import { hostname, userInfo } from 'node:os';
import type { Command } from 'commander';
import { recordCustody } from '../../analytics/queries/custody.ts';
import { findDigests, readRecord } from '../../analytics/queries/record.ts';
import { CommandError, type Context, EXIT } from '../context.ts';
import { CANDIDATES_MAX, pickOne } from '../pick.ts';
import { recordDocument, renderRecord } from '../render/record.ts';

export function registerRecord(program: Command, context: Context): void {
  program
    .command('record')
    .description('the raw bytes of one record, how they came, and what was decoded from them; noted in the custody log')
    .argument('<digest>', 'SHA-256 of the bytes in hex, or the beginning of it')
    .option('--raw', 'exactly the bytes, nothing else')
    .addHelpText(
      'after',
      `
Examples:
  vestige record 9f86d081
  vestige record 9f86d081 --raw | sha256sum
  vestige --json record 9f86d081`,
    )
    .action(async (digest: string, { raw = false }: { raw?: boolean }) => {
      if (raw && context.stdout.isTTY) {
        throw new CommandError(
          EXIT.usage,
          '--raw writes bytes that may steer a terminal: send them to a file or a pipe',
        );
      }
      await context.withStore('vestige record', async (store) => {
        const whole = pickOne(await findDigests(store, digest, CANDIDATES_MAX + 1), 'record', digest, (d) => d);
        const found = [await readRecord(store, whole)].filter((r) => r !== undefined);
        const record = pickOne(found, 'record', digest, (r) => r.digest);
        await recordCustody(store, {
          at: context.now(),
          actor: `${userInfo().username}@${hostname()}`,
          action: 'show record',
          subject: record.digest,
          detail: raw ? 'vestige record --raw' : 'vestige record',
        });
        if (raw) context.stdout.write(record.bytes);
        else context.printOne(recordDocument(record), () => renderRecord(record));
      });
    });
}
