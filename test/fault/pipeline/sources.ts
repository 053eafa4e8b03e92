// What a cluster writes while the way of its records is broken again and again: an API server's log and webhook, an auditd's log. Each knows the
// digest of every record it made.
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { eventList, itemOf, recordedEvents } from '../../../ingest/collect/k8s-audit/test-support/event-lists.ts';
import { createSender, type Sender } from '../../../ingest/collect/k8s-audit/test-support/post.ts';
import type { Random } from '../../support/random.ts';

export interface MadeSource {
  /** Lower-case hex. */
  readonly digests: Set<string>;
  /** Makes some more records. */
  tick(): Promise<void>;
  close(): void;
}

const digestOf = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
const ROTATE_CHANCE = 0.02;
/** Whether a log may be rotated by now: what was rotated away before anybody followed it is not collected. */
export type MayRotate = () => boolean;

/** Recorded events, each with an auditID of its own. */
function createEvents(name: string, random: Random): () => Buffer {
  const templates = recordedEvents('web-to-cluster')
    .slice(0, 500)
    .map((bytes) => bytes.toString('latin1'));
  let n = 0;
  return () => Buffer.from(random.pick(templates).replace(/"auditID":"[^"]+"/, `"auditID":"${name}-${n++}"`), 'latin1');
}

/** @param name what its events are called by: those of another name are others */
export function createK8sLog(path: string, random: Random, mayRotate: MayRotate, name = 'log'): MadeSource {
  mkdirSync(dirname(path), { recursive: true });
  const digests = new Set<string>();
  const next = createEvents(name, random);
  let rotations = 0;
  return {
    digests,
    tick: async () => {
      const events = Array.from({ length: random.between(1, 12) }, next);
      for (const event of events) digests.add(digestOf(event));
      appendFileSync(path, Buffer.concat(events.map((event) => Buffer.concat([event, Buffer.of(10)]))));
      if (random.next() < ROTATE_CHANCE && mayRotate())
        renameSync(path, path.replace(/\.log$/, `-${timeOfRotation(rotations++)}.log`));
    },
    close: () => {},
  };
}

/** As lumberjack names them, one a second: files are in the order of their names, so each number has as many digits as the others. */
const timeOfRotation = (n: number): string =>
  new Date(Date.UTC(2026, 10, 26, 10) + n * 1000).toISOString().slice(0, -1).replaceAll(':', '-');

/** @param now the clock of the node whose log it is */
export function createAuditLog(path: string, random: Random, mayRotate: MayRotate, now = Date.now): MadeSource {
  mkdirSync(dirname(path), { recursive: true });
  const digests = new Set<string>();
  let serial = 0;
  let rotations = 0;
  return {
    digests,
    tick: async () => {
      for (let i = random.between(1, 8); i > 0; i--) {
        const id = `audit(${(now() / 1000).toFixed(3)}:${++serial})`;
        const lines = [
          `type=SYSCALL msg=${id}: arch=c000003e syscall=59 success=yes exit=0 a0=1 items=1 ppid=1 pid=${serial} auid=0 uid=0 comm="sh" exe="/bin/sh" key="exec"`,
          `type=EXECVE msg=${id}: argc=2 a0="sh" a1="run-${serial}"`,
          `type=PATH msg=${id}: item=0 name="/bin/sh" inode=1 dev=00:b4 mode=0100755 nametype=NORMAL`,
          `type=PROCTITLE msg=${id}: proctitle="sh"`,
        ];
        digests.add(digestOf(lines.join('\n')));
        // a writer is not always done with an event when it is read
        const cut = random.between(0, lines.length);
        appendFileSync(
          path,
          lines
            .slice(0, cut)
            .map((line) => `${line}\n`)
            .join(''),
        );
        appendFileSync(
          path,
          lines
            .slice(cut)
            .map((line) => `${line}\n`)
            .join(''),
        );
      }
      if (random.next() < ROTATE_CHANCE && mayRotate()) renameSync(path, `${path}.${1000 - rotations++}`);
    },
    close: () => {},
  };
}

/** Sends each batch until it is acknowledged, as an API server does within its patience. */
export function createWebhookClient(to: { port: number; ca: string; token: string }, random: Random): MadeSource {
  const digests = new Set<string>();
  const next = createEvents('webhook', random);
  let sender: Sender = createSender(to);
  let batch: Buffer[] | undefined;
  return {
    digests,
    tick: async () => {
      batch ??= Array.from({ length: random.between(1, 30) }, () => itemOf(next()));
      try {
        const { status } = await sender.send(eventList(batch));
        if (status !== 200) return;
      } catch {
        sender.close();
        sender = createSender(to);
        return; // the same once more
      }
      for (const event of batch) digests.add(digestOf(event));
      batch = undefined;
    },
    close: () => sender.close(),
  };
}
