// How long the API server waits for its audit webhook, and what an event costs the collector on its way to Kafka: mutual TLS, kept connections,
// batches as an API server sends them, or an event a request (its mode `blocking`), each timed by a client that is a process of its own. Beside
// them what the disk alone takes, and how late the client itself woke.
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { createAuthority } from '../../../ingest/transport/https/test-support/certificates.ts';
import { startProgram } from '../../../ingest/transport/https/test-support/start-program.ts';
import { type DiskFloor, measureDisk } from './disk-floor.ts';
import { startVestige, until } from './running.ts';
import { messagesIn } from './topic.ts';
import type { Pace } from './writer.ts';

const CLIENT = pathToFileURL(resolve('ingest/collect/k8s-audit/test-support/load-process.ts'));

/** As the client tells it. */
const Told = z.object({
  ...{ batches: z.number(), events: z.number(), bytes: z.number() },
  /** Not answered 200. */
  failed: z.number(),
  ...{ p50Ms: z.number(), p99Ms: z.number(), maxMs: z.number(), lateP99Ms: z.number() },
});

export interface WebhookFigures extends z.infer<typeof Told> {
  cpuSeconds: number;
  peakBytes: number;
  /** In Kafka in the end, warming up included. */
  arrived: number;
  disk: DiskFloor;
}

/** Events of a request. */
export const BATCHES = { min: 100, max: 400 };
export const SINGLE_EVENTS = { min: 1, max: 1 };

const DISK_SECONDS_MAX = 10;
const DISK_WRITES_MAX = 200;

export async function measureWebhook(
  place: { broker: string; directory: string; warmUpSeconds: number } & Pace,
  batch: { min: number; max: number },
): Promise<WebhookFigures> {
  const directory = join(place.directory, 'webhook');
  mkdirSync(directory);
  const authority = createAuthority(directory);
  const server = authority.issue('webhook', ['IP:127.0.0.1']);
  const client = authority.issue('kube-apiserver', ['DNS:kube-apiserver']);
  const { broker, perSecond: eventsPerSecond, seconds, warmUpSeconds } = place;
  const tls = ['--tls-cert', server.cert, '--tls-key', server.key, '--client-ca', authority.ca];
  const topics = `bench-webhook-${batch.max}.`;
  const to = ['--to', `kafka://${broker}/${topics}`, '--spool', join(directory, 'spool')];
  const webhook = startVestige(['collect', 'k8s-audit', '--listen', '127.0.0.1:0', ...tls, ...to]);
  try {
    let port = 0;
    await until('the webhook listens', () => {
      webhook.cpuSeconds(); // or it ended
      port = Number(/listening on https:\/\/[\d.]+:(\d+)/.exec(webhook.said())?.[1] ?? 0);
      return port > 0;
    });
    const load = { port, ca: authority.ca, client, eventsPerSecond, seconds, warmUpSeconds, batch };
    const sender = await startProgram(CLIENT, load, directory);
    await sender.line(); // warmed up
    const before = webhook.cpuSeconds();
    const told = Told.parse(await sender.line());
    const cpuSeconds = webhook.cpuSeconds() - before;
    await sender.ended;
    const everyMs = (1000 * seconds) / told.batches;
    const writes = Math.ceil(Math.min(DISK_WRITES_MAX, (1000 * Math.min(seconds, DISK_SECONDS_MAX)) / everyMs));
    const disk = await measureDisk(directory, { bytes: Math.ceil(told.bytes / told.batches), everyMs, writes });
    const peakBytes = webhook.peakBytes();
    await webhook.stop();
    return { ...told, cpuSeconds, peakBytes, arrived: await messagesIn(broker, `${topics}k8s-audit`), disk };
  } finally {
    await webhook.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
