// A collector of logs as a process that can be killed: all it makes lies in a spool that commits ten times a second, to be looked at. SIGWINCH asks
// how far it is.
import { writeFileSync } from 'node:fs';
import { createAudispPlugin, createAudispSocketReader } from '../auditd/audisp.ts';
import { createAuditdFollower } from '../auditd/follow-auditd.ts';
import type { Collector } from '../collector.ts';
import { createAuditLogFollower } from '../k8s-audit/follow-audit-log.ts';
import { openSpoolPlace } from '../k8s-audit/test-support/spool-place.ts';

export interface CollectorProcessOptions {
  kind: 'auditd-log' | 'audisp-socket' | 'audisp-stdin' | 'k8s-audit-log';
  path: string;
  spool: string;
  /** Made at the end: a plugin of auditd has no output that anybody reads. */
  endFile?: string;
}

const options = JSON.parse(process.argv[2] ?? '{}') as CollectorProcessOptions;
const { kind, path, spool } = options;
const collectors: Record<typeof kind, () => Collector> = {
  'auditd-log': () => createAuditdFollower({ path }),
  'audisp-socket': () => createAudispSocketReader({ path }),
  'audisp-stdin': () => createAudispPlugin({ input: 0 }),
  'k8s-audit-log': () => createAuditLogFollower({ path }),
};
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
// with the test it belongs to
if (kind !== 'audisp-stdin') process.stdin.resume().once('end', () => process.exit(1));
// auditd sends it to its plugins when it reads its configuration again
process.on('SIGHUP', () => undefined);
const say = (text: string) => void process.stderr.write(`${text}\n`);

const place = await openSpoolPlace(spool);
stop.signal.addEventListener('abort', place.end);
process.on('SIGWINCH', () => process.stdout.write(`${place.restored(path) ?? '{}'}\n`));
const committing = setInterval(() => void place.committed(), 100);
await collectors[kind]()(place);
clearInterval(committing);
await place.close();
for (const { reason, detail } of place.gaps) say(`${reason}: ${detail}`);
for (const text of place.said) say(text);
if (options.endFile) writeFileSync(options.endFile, '');
process.exit(0);
