// vestige load: from Kafka into the store, as one of any number of loaders.
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { connect } from '../../analytics/store/connect.ts';
import { StoreError } from '../../analytics/store/store.ts';
import type { Delivery } from '../../ingest/load/deliveries.ts';
import { createReopeningLoader } from '../../ingest/load/reopening-loader.ts';
import type { Totals } from '../../ingest/transport/kafka/loader-options.ts';
import { CommandError, type Context, EXIT } from '../context.ts';

interface Options {
  from: string;
  topic?: string[];
  source?: Exclude<Delivery['source'], ''>;
  group: string;
  secretFile?: string;
  batchBytes?: number;
}

const GROUP_DEFAULT = 'vestige';
const SOURCES = ['k8s-audit', 'auditd', 'runtime', 'collector'] as const;
const SAY_EVERY_MS = 10_000;
const HOPELESS = ['bad-location', 'refused', 'newer-schema', 'not-a-store'];

export function registerLoad(program: Command, context: Context): void {
  program
    .command('load')
    .description(
      'load records from Kafka into the store, until it is told to stop; any number of loaders share a group',
    )
    .requiredOption('--from <address>', 'kafka://[user@]HOST:PORT[,...][/TOPIC-PREFIX][?tls=true&sasl=...&ca=FILE]')
    .option('--topic <name...>', "topics of others, raw lines or documents (default: the collectors' own)")
    .addOption(
      new Option('--source <source>', 'what those topics hold, when their messages do not say').choices(SOURCES),
    )
    .option('--group <name>', 'consumer group', GROUP_DEFAULT)
    .option('--secret-file <file>', 'password of Kafka')
    .option('--batch-bytes <bytes>', 'how much is loaded at once (default: 67108864)', parseBytes)
    .addHelpText(
      'after',
      `
Examples:
  vestige load --from kafka://kafka:9092
  vestige load --from kafka://kafka:9092 --topic audit-raw --source auditd
  vestige --store http://default@clickhouse:8123/vestige load --from 'kafka://loader@kafka:9093?tls=true&sasl=scram-sha-512' --secret-file password`,
    )
    .action((options: Options) => run(options, context));
}

async function run(options: Options, context: Context): Promise<void> {
  const [{ runKafkaLoader }, { parseKafkaAddress }, { topicOf }] = await Promise.all([
    import('../../ingest/transport/kafka/kafka-source.ts'),
    import('../../ingest/transport/kafka/kafka-address.ts'),
    import('../../ingest/transport/kafka/topics.ts'),
  ]);
  const address = asUsage(() => parseKafkaAddress(options.from, readSecret(options.secretFile)));
  const { source } = options;
  const topics = options.topic?.map((topic) => ({ topic, ...(source ? { source } : {}) }));
  const own = SOURCES.map((one) => ({ topic: topicOf(address.topicPrefix, one), source: one }));
  const say = (text: string) => context.say(`vestige load: ${text}`);
  context.leaveStdin();
  const open = () => connect(context.options().store, 'vestige load');
  // once at the start: a wrong address is told at once; a store that is away is waited for
  await open()
    .then((store) => store.close())
    .catch((error: Error) => {
      if (error instanceof StoreError && HOPELESS.includes(error.code)) throw error;
      say(`the store does not answer yet: ${error.message}`);
    });
  const loader = createReopeningLoader(open);
  try {
    let saidMs = 0;
    const totals = await runKafkaLoader({
      ...{ address, topics: topics ?? own, groupId: options.group, loader, stop: context.stop, say },
      ...(options.batchBytes === undefined ? {} : { limits: { batchBytesMax: options.batchBytes } }),
      onProgress: (now, lag) => {
        if (context.now().getTime() - saidMs < SAY_EVERY_MS) return;
        saidMs = context.now().getTime();
        say(`${now.messages} messages, ${now.loaded.records} new records; ${lag} wait in the topics`);
      },
    });
    report(totals, context);
  } finally {
    await loader.close();
  }
}

function report(totals: Totals, context: Context): void {
  const { loaded, ...more } = totals;
  const { deadLetters: dead_letters, ...counts } = loaded;
  context.printOne({ ...more, ...counts, dead_letters }, () =>
    [
      `${loaded.records} new records, ${loaded.duplicates} already there, ${loaded.deadLetters} that could not be decoded`,
      `${totals.messages} messages in ${totals.batches} batches, ${totals.lost} deleted before they were read`,
    ].join('\n'),
  );
}

const readSecret = (path: string | undefined): string | undefined =>
  path === undefined ? undefined : readFileSync(path, 'utf8').trim();

function asUsage<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new CommandError(EXIT.usage, (error as Error).message);
  }
}

function parseBytes(text: string): number {
  const bytes = Number(text);
  if (!Number.isInteger(bytes) || bytes < 1024) throw new InvalidArgumentError('a number of bytes, at least 1024');
  return bytes;
}
