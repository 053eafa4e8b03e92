// A webhook in this process, over a real spool, with certificates of its own; and who sends to it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordEntry } from '../../../spool/entry.ts';
import { type Authority, createAuthority, type Issued } from '../../../transport/https/test-support/certificates.ts';
import { type AuditWebhookOptions, createAuditWebhook } from '../audit-webhook.ts';
import { createSender, type Sender, type SenderOptions } from './post.ts';
import { openSpoolPlace, readSpool, type SpoolPlace } from './spool-place.ts';

export interface WebhookUnderTest {
  port: number;
  place: SpoolPlace;
  /** Directory of its spool. */
  spool: string;
  /** With the certificate of a client that is let in, unless told otherwise. */
  sender(options?: Partial<SenderOptions>): Sender;
  /** Ends it, and hands over what it had acknowledged, or emitted. */
  records(): Promise<RecordEntry[]>;
  end(): Promise<void>;
}

export interface Ground {
  directory: string;
  authority: Authority;
  server: Issued;
  client: Issued;
  start(options?: Partial<AuditWebhookOptions> & { spool?: string }): Promise<WebhookUnderTest>;
  /** Ends what is still running and removes all files. */
  clear(): Promise<void>;
}

export function createGround(): Ground {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-webhook-'));
  const authority = createAuthority(directory);
  const server = authority.issue('webhook', ['DNS:localhost', 'IP:127.0.0.1'], { usage: 'serverAuth' });
  const client = authority.issue('kube-apiserver', ['DNS:kube-apiserver'], { usage: 'clientAuth' });
  const running: WebhookUnderTest[] = [];
  let spools = 0;
  return {
    ...{ directory, authority, server, client },
    start: async ({ spool = join(directory, `spool-${++spools}`), ...options } = {}) => {
      const place = await openSpoolPlace(spool);
      const senders: Sender[] = [];
      let done: Promise<void> = Promise.resolve();
      const port = await new Promise<number>((resolve, reject) => {
        const tls = { ...server, clientCa: authority.ca };
        const collect = createAuditWebhook({ host: '127.0.0.1', port: 0, tls, onListening: resolve, ...options });
        done = collect(place);
        done.catch(reject);
      });
      let ended: Promise<void> | undefined;
      const end = () => {
        ended ??= (async () => {
          for (const sender of senders) sender.close();
          place.broken = undefined;
          place.end();
          await done;
          await place.close();
        })();
        return ended;
      };
      const webhook: WebhookUnderTest = {
        ...{ port, place, spool, end },
        sender: (more = {}) => {
          const sender = createSender({ port, ca: authority.ca, client, ...more });
          senders.push(sender);
          return sender;
        },
        records: async () => {
          await end();
          return readSpool(spool);
        },
      };
      running.push(webhook);
      return webhook;
    },
    clear: async () => {
      for (const webhook of running) await webhook.end();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
