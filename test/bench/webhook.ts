// How long the API server waits for the audit webhook, and what an event costs there: two processes, mutual TLS, a real spool.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../../ingest/transport/https/test-support/certificates.ts';
import { startProgram } from '../../ingest/transport/https/test-support/start-program.ts';

const WEBHOOK = new URL('../../ingest/collect/k8s-audit/test-support/webhook-process.ts', import.meta.url);
const LOAD = new URL('../../ingest/collect/k8s-audit/test-support/load-process.ts', import.meta.url);

export interface WebhookFigures {
  batches: number;
  events: number;
  bytes: number;
  /** Not answered 200. */
  failed: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  seconds: number;
  cpuSeconds: number;
  rssBytesMax: number;
}

export async function measureWebhook(load: {
  eventsPerSecond: number;
  seconds: number;
  warmUpSeconds: number;
  batch: { min: number; max: number };
}): Promise<WebhookFigures> {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-webhook-bench-'));
  try {
    const authority = createAuthority(directory);
    const server = authority.issue('webhook', ['IP:127.0.0.1']);
    const client = authority.issue('kube-apiserver', ['DNS:kube-apiserver']);
    const tls = { ...server, clientCa: authority.ca };
    const options = { spool: join(directory, 'spool'), host: '127.0.0.1', port: 0, tls };
    const webhook = await startProgram(WEBHOOK, options, directory);
    const { port } = await webhook.line();
    const to = { port, ca: authority.ca, client, ...load };
    const sender = await startProgram(LOAD, to, directory);
    await sender.line(); // warmed up
    webhook.process.kill('SIGUSR2');
    const sent = await sender.line();
    webhook.process.kill('SIGTERM');
    const cost = await webhook.line();
    await Promise.all([webhook.ended, sender.ended]);
    return { ...sent, ...cost } as unknown as WebhookFigures;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
