// vestige collect KIND: a source of this node, through a spool on its disk, to Kafka, to another Vestige, or into a store.
import { fstatSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { type Command, InvalidArgumentError } from 'commander';
import { type CollectConfig, parseConfig } from '../../ingest/collect/config.ts';
import { COLLECTOR_KINDS, type CollectorKind, chooseCollector } from '../../ingest/collect/kinds.ts';
import { runCollector } from '../../ingest/collect/run-collector.ts';
import { SpoolBusyError } from '../../ingest/spool/lock.ts';
import { openSink } from '../../ingest/transport/open-sink.ts';
import { CommandError, type Context, EXIT } from '../context.ts';

interface Options {
  config?: string;
  to?: string;
  cluster?: string;
  node?: string;
  spool?: string;
  spoolMax?: string;
  secretFile?: string;
  [key: string]: unknown;
}

interface Kind {
  description: string;
  /** Options of its own: flag, key in its part of the configuration, words. */
  options: readonly [flag: string, key: string, words: string][];
  examples: readonly string[];
}

const kinds: Record<CollectorKind, Kind> = {
  'k8s-audit': {
    description: 'the Kubernetes API server: its audit log file, or its audit webhook',
    options: [
      ['--log <path>', 'log', 'follow this audit log, through rotation'],
      ['--listen <host:port>', 'listen', 'be the audit webhook, over HTTPS'],
      ['--tls-cert <file>', 'tls_cert', 'certificate of the webhook, PEM'],
      ['--tls-key <file>', 'tls_key', 'its key, PEM'],
      ['--client-ca <file>', 'client_ca', 'the API server must have a certificate of this authority'],
      ['--token-file <file...>', 'token_files', 'or one of these bearer tokens'],
      ['--insecure-loopback', 'insecure_loopback', 'ask nobody who he is, on a loopback address'],
    ],
    examples: [
      'vestige collect k8s-audit --log /var/log/kubernetes/audit.log --to kafka://kafka:9092',
      'vestige collect k8s-audit --listen :9443 --tls-cert tls.crt --tls-key tls.key --client-ca ca.crt --to kafka://kafka:9092',
    ],
  },
  auditd: {
    description: "the node's auditd: its log file, or as a plugin of it",
    options: [
      ['--log <path>', 'log', 'follow this log, through rotation (default: /var/log/audit/audit.log)'],
      ['--socket <path>', 'socket', "read the socket of auditd's af_unix plugin"],
      ['--stdin', 'stdin', 'be a plugin of auditd: read standard input'],
      ['--proc <path>', 'proc', 'where the processes of the node are seen'],
    ],
    examples: [
      'vestige collect auditd --to https://vestige.example:8443 --secret-file token',
      'vestige collect auditd --log case/audit.log --to embedded:./case',
    ],
  },
  containerd: {
    description: 'containerd: its events, and its containers and images the moment an event names them',
    options: [['--socket <path>', 'socket', 'default: /run/containerd/containerd.sock']],
    examples: ['vestige collect containerd --to kafka://kafka:9092'],
  },
  docker: {
    description: 'Docker: its events, and its containers and images the moment an event names them',
    options: [['--socket <path>', 'socket', 'default: /var/run/docker.sock']],
    examples: ['vestige collect docker --to embedded:./vestige-data'],
  },
  cri: {
    description: 'a runtime of Kubernetes by its CRI (CRI-O): container events and statuses',
    options: [['--socket <path>', 'socket', 'default: /run/crio/crio.sock']],
    examples: ['vestige collect cri --to kafka://kafka:9092'],
  },
};

export function registerCollect(program: Command, context: Context): void {
  const collect = program
    .command('collect')
    .description('read a source of this node as it writes, and send it on: nothing acknowledged is lost')
    .addHelpText(
      'after',
      `\nExamples:\n${Object.values(kinds)
        .map(({ examples }) => `  ${examples[0]}`)
        .join('\n')}`,
    );
  for (const kind of COLLECTOR_KINDS) {
    const { description, options, examples } = kinds[kind];
    const command = collect
      .command(kind)
      .description(description)
      .option('--to <address>', 'kafka://HOST:PORT[,...], https://HOST:PORT, or embedded:DIR')
      .option('--config <file>', 'YAML or JSON; options given here hold before it (docs/reference/collect.md)')
      .option('--cluster <name>', 'cluster the records are of (default: "default")')
      .option('--node <name>', 'node this is (default: its host name)')
      .option('--spool <directory>', 'where records wait for the sink (default: vestige-spool)')
      .option('--spool-max <size>', 'how much may wait there, "512 MiB" (default: 1 GiB)', asSize)
      .option('--secret-file <file>', 'password of Kafka, or bearer token of the receiver');
    for (const [flag, , words] of options) command.option(flag, words);
    command.addHelpText('after', `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`);
    command.action((given: Options) => run(kind, given, context));
  }
}

// "512MiB" and "512 MiB" are the same
const asSize = (text: string): string => {
  const [, n, unit] = /^(\d+) ?([KMGT]iB)$/.exec(text) ?? [];
  if (n === undefined) throw new InvalidArgumentError('a number with KiB, MiB, GiB or TiB');
  return `${n} ${unit}`;
};

// V8 doubles the space for young objects under load and keeps it: 118 for 90 MB at four containers a second (measured).
const YOUNG_FLAG = '--semi-space-growth-factor=1';
// What lives is 12 MB: V8 would look through it twice a second, for buffers that come and go are counted with it. With room for twice as much it
// is once in two seconds: 99 for 158 us of an audit event, and the peak of memory is the same (measured).
const OLD_FLAG = '--heap-growing-percent=200';

async function run(kind: CollectorKind, given: Options, context: Context): Promise<void> {
  setFlagsFromString(YOUNG_FLAG);
  setFlagsFromString(OLD_FLAG);
  process.on('SIGHUP', () => {}); // auditd sends it to its plugins when it reads its configuration again
  const file = given.config === undefined ? {} : await readConfigFile(given.config).catch(usage);
  const config = asUsage(() => configOf(kind, given, file));
  if (config.to === undefined)
    throw new CommandError(EXIT.usage, 'where to? --to kafka://HOST:PORT, https://HOST:PORT or embedded:DIR');
  // read at every use: it is replaced while a collector runs
  const { secret_file: secretFile } = config;
  const secret = () => (secretFile === undefined ? undefined : readFileSync(secretFile, 'utf8').trim());
  asUsage(secret);
  const say = (text: string) => context.say(`vestige collect ${kind}: ${text}`);
  let readsStdin = false;
  const stdin = () => {
    readsStdin = true;
    return isPiped(STDIN) ? STDIN : context.stdin();
  };
  const chosen = await chooseCollector(kind, config, stdin).catch(usage);
  const openStore = async (location: string) => {
    if (!readsStdin) context.leaveStdin();
    const { connect } = await import('../../analytics/store/connect.ts');
    return connect(location, `vestige collect ${kind}`);
  };
  const sink = await openSink(config.to, { secret, openStore, say }).catch(usage);
  const node = config.node ?? hostname();
  const { directory, max_bytes: bytesMax, max_age: ageMsMax } = config.spool;
  await runCollector(
    {
      ...{ source: chosen.source, stream: chosen.stream, readsAgain: chosen.readsAgain },
      acknowledges: chosen.acknowledges === true,
      ...{ cluster: config.cluster, node: chosen.source === 'k8s-audit' ? '' : node, name: `${kind}@${node}` },
      program: context.version,
      spool: { directory: join(directory, kind), bytesMax, ageMsMax },
    },
    { collector: chosen.collector, sink, now: context.now, say, stop: context.stop },
  ).catch(usage);
}

const STDIN = 0;

function isPiped(file: number): boolean {
  const about = fstatSync(file);
  return about.isFIFO() || about.isSocket();
}

async function readConfigFile(path: string): Promise<unknown> {
  const text = readFileSync(path, 'utf8');
  const { parseYaml } = await import('../parse-yaml.ts');
  return parseYaml(text);
}

/** What the file says, and over it what was given here. */
function configOf(kind: CollectorKind, given: Options, file: unknown): CollectConfig {
  const where = given.config ?? 'options';
  if (typeof file !== 'object' || file === null) return parseConfig(file, where);
  const part = kind.replace('-', '_');
  const own = Object.entries((file as Record<string, object>)[part] ?? {});
  const options = kinds[kind].options.flatMap(([flag, key]) => {
    const value = given[camel(flag)];
    return value === undefined ? [] : [[key, value]];
  });
  const over = {
    ...pick({ to: given.to, cluster: given.cluster, node: given.node, secret_file: given.secretFile }),
    spool: { ...(file as { spool?: object }).spool, ...pick({ directory: given.spool, max_bytes: given.spoolMax }) },
    [part]: Object.fromEntries([...own, ...options]),
  };
  return parseConfig({ ...file, ...over }, where);
}

/** `--tls-cert <file>` as commander names it. */
const camel = (flag: string): string =>
  (/^--([a-z-]+)/.exec(flag)?.[1] ?? '').replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

const pick = (values: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

function asUsage<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    return usage(error as Error);
  }
}

// Of what the user wrote, or of a file he named; anything else is a fault of ours and keeps its stack.
const OF_USER = ['ConfigError', 'SinkAddressError', 'KafkaAddressError', 'HttpsSetupError', 'YAMLParseError'];
const OF_FILES = ['ENOENT', 'EACCES', 'EISDIR'];

function usage(error: Error): never {
  const code = 'code' in error ? String(error.code) : '';
  if (OF_USER.includes(error.name) || OF_FILES.includes(code)) throw new CommandError(EXIT.usage, error.message);
  if (error instanceof SpoolBusyError) throw new CommandError(EXIT.failed, error.message);
  throw error;
}
