// vestige retention show|set|apply
import { hostname, userInfo } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import {
  applyRetention,
  type PartitionFate,
  previewRetention,
  RetentionBusyError,
  readPolicy,
  setPolicy,
} from '../../analytics/evidence/retention.ts';
import { SealKeyError, signingKey } from '../../analytics/evidence/seal-key.ts';
import { CommandError, type Context, EXIT } from '../context.ts';
import type { Column } from '../render/table.ts';

const columns: readonly Column<PartitionFate>[] = [
  {
    title: 'MONTH',
    value: (p) => (p.partition === '0' ? 'unknown' : `${p.partition.slice(0, 4)}-${p.partition.slice(4)}`),
  },
  { title: 'RECORDS', value: (p) => String(p.records) },
  { title: 'NEWEST RECEIPT', value: (p) => p.newest_received_at },
  { title: 'FATE', value: (p) => p.fate },
  { title: 'NOT SEALED', value: (p) => String(p.unsealed) },
  { title: 'KEPT', value: (p) => String(p.kept) },
];

export function registerRetention(program: Command, context: Context): void {
  const retention = program
    .command('retention')
    .description('how long bulk records stay; what chains and holds need stays beyond');
  registerShow(retention, context);
  registerSet(retention, context);
  registerApply(retention, context);
}

function registerShow(retention: Command, context: Context): void {
  retention
    .command('show')
    .description('the policy, and what it means for each month of records')
    .addHelpText('after', '\nExamples:\n  vestige retention show\n  vestige --json retention show')
    .action(() =>
      context.withStore('vestige retention show', async (store) => {
        const policy = await readPolicy(store);
        const partitions = await previewRetention(store, policy?.days, context.now());
        if (context.format() === 'json' || context.format() === 'ndjson') {
          context.printOne(
            { days: policy?.days ?? null, set_at: policy?.set_at ?? null, set_by: policy?.set_by ?? null, partitions },
            () => '',
          );
          return;
        }
        context.say(
          policy
            ? `records go ${policy.days} days after they were received (set by ${policy.set_by})`
            : 'no policy is set: nothing ever goes',
        );
        await context.printList(partitions, columns);
      }),
    );
}

function registerSet(retention: Command, context: Context): void {
  retention
    .command('set')
    .description('let records go so many days after they were first received; `retention apply` does it')
    .requiredOption('--days <n>', 'whole days', days)
    .addHelpText('after', '\nExamples:\n  vestige retention set --days 365')
    .action((options: { days: number }) =>
      context.withStore('vestige retention set', async (store) => {
        await setPolicy(store, options.days, by(context));
        context.say(`records go ${options.days} days after they were received, when \`vestige retention apply\` runs`);
      }),
    );
}

function registerApply(retention: Command, context: Context): void {
  retention
    .command('apply')
    .description('copy what chains and holds need to the kept records, then let go what is over age')
    .option('--dry-run', 'only tell what would go')
    .option('--key <file>', 'Ed25519 key in PEM that signs what went (default: the store’s own)')
    .addHelpText('after', '\nExamples:\n  vestige retention apply --dry-run\n  vestige retention apply')
    .action((options: { dryRun?: boolean; key?: string }) =>
      context.withStore('vestige retention apply', async (store) => {
        const policy = await readPolicy(store);
        if (!policy) throw new CommandError(EXIT.usage, 'no policy is set; `vestige retention set --days N` sets one');
        const fates = options.dryRun
          ? await previewRetention(store, policy.days, context.now())
          : await explained(() => applyRetention(store, policy.days, signingKey(store, options.key), by(context)));
        tellWhatStays(fates, context);
        await context.printList(fates, columns);
      }),
    );
}

function tellWhatStays(fates: readonly PartitionFate[], context: Context): void {
  const number = (fate: PartitionFate['fate']) => fates.filter((p) => p.fate === fate).length;
  const unsealed = number('unsealed');
  const uncorrelated = number('uncorrelated');
  if (unsealed > 0) context.say(`months over age but not wholly sealed stay (${unsealed}): run vestige evidence seal`);
  if (uncorrelated > 0) {
    context.say(`months over age in which chains may not be found yet stay (${uncorrelated}): run vestige correlate`);
  }
}

async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SealKeyError || error instanceof RetentionBusyError) {
      throw new CommandError(EXIT.failed, error.message);
    }
    throw error;
  }
}

function days(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1 || n > 36_500) throw new InvalidArgumentError('whole days, 1 to 36500');
  return n;
}

const by = (context: Context) => ({ actor: `${userInfo().username}@${hostname()}`, now: context.now });
