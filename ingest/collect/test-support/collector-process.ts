// A collector of logs as a process that can be killed. With `sinkTakes` the whole runtime is at work, and its sink takes everything: what that
// costs is said at the end, since SIGUSR2. Without, all stays in a spool that commits ten times a second, to be looked at; SIGWINCH asks
// how far it is.
import { writeFileSync } from 'node:fs';
import { createAudispPlugin, createAudispSocketReader } from '../auditd/audisp.ts';
import { createAuditdFollower } from '../auditd/follow-auditd.ts';
import type { Collector } from '../collector.ts';
import { createAuditLogFollower } from '../k8s-audit/follow-audit-log.ts';
import { openSpoolPlace } from '../k8s-audit/test-support/spool-place.ts';
import { runCollector } from '../run-collector.ts';

export interface CollectorProcessOptions {
  kind: 'auditd-log' | 'audisp-socket' | 'audisp-stdin' | 'k8s-audit-log';
  path: string;
  spool: string;
  sinkTakes?: boolean;
  /** Where its cost is written: a plugin of auditd has no output that anybody reads. */
  costFile?: string;
}

const options = JSON.parse(process.argv[2] ?? '{}') as CollectorProcessOptions;
const { kind, path, spool } = options;
const collectors: Record<typeof kind, () => Collector> = {
  'auditd-log': () => createAuditdFollower({ path }),
  'audisp-socket': () => createAudispSocketReader({ path }),
  'audisp-stdin': () => createAudispPlugin({ input: process.stdin }),
  'k8s-audit-log': () => createAuditLogFollower({ path }),
};
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
// auditd sends it to its plugins when it reads its configuration again
process.on('SIGHUP', () => undefined);
let before = process.cpuUsage();
process.on('SIGUSR2', () => {
  before = process.cpuUsage();
});
const say = (text: string) => void process.stderr.write(`${text}\n`);

async function runWhole(): Promise<void> {
  const source = kind === 'k8s-audit-log' ? 'k8s-audit' : 'auditd';
  await runCollector(
    {
      ...{ source, cluster: 'test', node: 'here', name: `${kind}@here`, stream: path },
      ...{ readsAgain: kind.endsWith('-log'), program: 'test' },
      spool: { directory: spool, bytesMax: 1024 ** 3, ageMsMax: 86_400_000 },
    },
    {
      collector: collectors[kind](),
      sink: { address: 'nowhere', send: () => Promise.resolve(), close: () => Promise.resolve() },
      ...{ now: () => new Date(), say, stop: stop.signal },
    },
  );
}

async function runToSpool(): Promise<void> {
  const place = await openSpoolPlace(spool);
  stop.signal.addEventListener('abort', place.end);
  process.on('SIGWINCH', () => process.stdout.write(`${place.restored(path) ?? '{}'}\n`));
  const committing = setInterval(() => void place.committed(), 100);
  await collectors[kind]()(place);
  clearInterval(committing);
  await place.close();
  for (const { reason, detail } of place.gaps) say(`${reason}: ${detail}`);
  for (const text of place.said) say(text);
}

await (options.sinkTakes ? runWhole() : runToSpool());
const { user, system } = process.cpuUsage(before);
const cost = JSON.stringify({
  cpuSeconds: (user + system) / 1e6,
  rssBytesMax: process.resourceUsage().maxRSS * 1024,
});
if (options.costFile) writeFileSync(options.costFile, cost);
process.stdout.write(`${cost}\n`);
process.exit(0);
