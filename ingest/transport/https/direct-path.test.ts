// The way without Kafka, from end to end: API server -> webhook -> spool -> sink -> receiver -> store.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { connect } from '../../../analytics/store/connect.ts';
import { createAuditWebhook } from '../../collect/k8s-audit/audit-webhook.ts';
import { batches, eventList, itemOf, recordedEvents } from '../../collect/k8s-audit/test-support/event-lists.ts';
import { createSender } from '../../collect/k8s-audit/test-support/post.ts';
import { runCollector } from '../../collect/run-collector.ts';
import { createDeliveryLoader } from '../../load/delivery-loader.ts';
import { createHttpsSink } from './https-sink.ts';
import { openReceiver } from './receiver-server.ts';
import { createAuthority } from './test-support/certificates.ts';
import { generateToken } from './tokens.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-direct-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('the direct path', () => {
  it('brings every event the API server was answered for into the store once, the receiver ending in between', async () => {
    const authority = createAuthority(directory);
    const tls = authority.issue('here', ['IP:127.0.0.1']);
    const client = authority.issue('kube-apiserver', ['DNS:kube-apiserver']);
    const token = generateToken();
    const tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, token);
    const store = await connect(`embedded:${join(directory, 'store')}`, 'test');
    const loader = await createDeliveryLoader(store);
    const said: string[] = [];
    const say = (text: string) => void said.push(text);
    const receive = (port: number) =>
      openReceiver({ host: '127.0.0.1', port, tls, tokenFiles: [tokenFile], loader, say });
    const first = await receive(0);
    const { port } = first;

    const stop = new AbortController();
    let listening: (port: number) => void = () => undefined;
    const webhookPort = new Promise<number>((resolve) => {
      listening = resolve;
    });
    const webhookTls = { ...tls, clientCa: authority.ca };
    const collecting = runCollector(
      {
        ...{ source: 'k8s-audit', cluster: 'prod', node: '', name: 'k8s-audit@cp-1', stream: 'webhook' },
        ...{ readsAgain: true, program: 'test' },
        spool: { directory: join(directory, 'spool'), bytesMax: 1 << 30, ageMsMax: 86_400_000 },
      },
      {
        collector: createAuditWebhook({ host: '127.0.0.1', port: 0, tls: webhookTls, onListening: listening }),
        sink: createHttpsSink(`https://127.0.0.1:${port}?ca=${authority.ca}`, { token: () => token, say }),
        ...{ now: () => new Date(), say, stop: stop.signal },
      },
    );

    const events = recordedEvents('poisoned-image').map(itemOf);
    const sender = createSender({ port: await webhookPort, ca: authority.ca, client });
    const parts = batches(events, () => 300);
    const half = Math.floor(parts.length / 2);
    const send = async (batch: Buffer[]) => expect(await sender.send(eventList(batch))).toMatchObject({ status: 200 });
    for (const batch of parts.slice(0, half)) await send(batch);
    await sleep(300);
    await first.close();
    for (const batch of parts.slice(half)) await send(batch);
    const second = await receive(port);
    const count = async () =>
      Number((await store.rows("SELECT count() AS n FROM records FINAL WHERE source = 'k8s-audit'"))[0]?.['n']);
    await expect.poll(count, { timeout: 60_000, interval: 250 }).toBe(new Set(events.map(String)).size);
    const [row] = await store.rows(
      `SELECT uniqExact(digest) AS digests, any(cluster) AS cluster, any(attrs['peer_name']) AS peer,
         min(position) AS first, max(position) AS last FROM records FINAL WHERE source = 'k8s-audit'`,
    );
    const last = events.length - 1;
    expect(row).toMatchObject({ cluster: 'prod', peer: 'kube-apiserver' });
    expect([Number(row?.['digests']), Number(row?.['first']), Number(row?.['last'])]).toEqual([events.length, 0, last]);

    const ofEvent = events
      .map((event) => JSON.parse(event.toString()))
      .map(({ auditID, stage }) => `${auditID} ${stage}`);
    const [typed] = await store.rows("SELECT uniqExact((audit_id, stage)) AS n FROM k8s_audit FINAL WHERE verb != ''");
    expect(Number(typed?.['n']), 'decoded, though an item says no kind').toBe(new Set(ofEvent).size);

    sender.close();
    stop.abort();
    await collecting;
    await second.close();
    await loader.close();
    await store.close();
  });
});
