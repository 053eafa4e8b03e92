import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../analytics/store/connect.ts';
import type { Store } from '../../analytics/store/store.ts';
import { importPaths } from '../import.ts';
import type { Delivery, DeliveryLoader } from './deliveries.ts';
import { createDeliveryLoader } from './delivery-loader.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-deliveries-'));
let store: Store;
let loader: DeliveryLoader;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
  loader = await createDeliveryLoader(store);
});
afterAll(async () => {
  await loader.close();
  expect(readdirSync(join(directory, 'tmp')), 'nothing is left behind').toEqual([]);
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

let offset = 0;
const delivery = (raw: string | Buffer, more: Partial<Delivery> = {}): Delivery => ({
  ...{ source: '', cluster: 'c', node: 'worker-1', collector: 'x', bootId: '', receivedAtUs: 1_800_000_000_123_456 },
  ...{
    stream: 't-0',
    position: ++offset,
    lines: 0,
    attrs: {},
    loader: 'kafka:k/t/0',
    seq: offset,
    raw: Buffer.from(raw as string),
  },
  ...more,
});
const request = (id: string, second = 1) =>
  `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"${id}","stage":"ResponseComplete","requestReceivedTimestamp":"2026-11-26T10:00:0${second}.5Z","verb":"get"}`;
const rows = (sql: string) => store.rows(sql);
const ofStream = (stream: string) =>
  rows(`SELECT source, node, format, toString(raw) AS raw, lines, loader, seq, position, attrs, toUnixTimestamp64Micro(received_at) AS at FROM records FINAL
    WHERE stream = '${stream}' ORDER BY loader, seq`);

describe('deliveries', () => {
  it('of collectors are records as they stand, with all of their envelope', async () => {
    const lines =
      'type=SYSCALL msg=audit(1795439390.632:9): arch=c000003e syscall=59 success=yes exit=0 pid=7\ntype=PROCTITLE msg=audit(1795439390.632:9): proctitle="sh"';
    const attrs = { container_id: 'a'.repeat(64), container_from: 'cgroup', 'ü"': '\n' };
    const loaded = await loader.load([
      delivery(lines, { source: 'auditd', lines: 2, attrs, stream: 'own', position: 77, bootId: 'b-1' }),
    ]);
    expect(loaded).toMatchObject({ records: 1, duplicates: 0, deadLetters: 0, events: { auditd: 1 } });
    expect(await ofStream('own')).toMatchObject([
      { source: 'auditd', node: 'worker-1', raw: lines, lines: 2, position: 77, attrs, at: 1_800_000_000_123_456 },
    ]);
  });

  it('come again, in another batch and order, and nothing of it counts twice', async () => {
    const batch = ['r-1', 'r-2', 'r-3'].map((id) => delivery(request(id), { stream: 'again' }));
    expect(await loader.load(batch)).toMatchObject({ records: 3, duplicates: 0 });
    const receipts = await rows("SELECT count() AS n FROM receipts FINAL WHERE stream = 'again'");
    expect(await loader.load([...batch].reverse())).toMatchObject({
      records: 0,
      duplicates: 3,
      events: { k8s_audit: 0 },
    });
    expect(await loader.load([batch[1] as Delivery, delivery(request('r-4'), { stream: 'again' })])).toMatchObject({
      records: 1,
      duplicates: 1,
    });
    expect(receipts).toEqual([{ n: 3 }]);
    expect(await rows("SELECT count() AS n FROM receipts FINAL WHERE stream = 'again'"), 'the same offsets').toEqual([
      { n: 4 },
    ]);
  });

  it('of raw lines, one a message, unite to events whoever sent them', async () => {
    const event = [
      'node=w9 type=SYSCALL msg=audit(1795439391.000:10): arch=c000003e syscall=59 success=yes exit=0 pid=8 comm="sh"',
      'node=w9 type=EXECVE msg=audit(1795439391.000:10): argc=1 a0="sh"',
      'node=w9 type=EOE msg=audit(1795439391.000:10): ',
    ];
    expect(await loader.load(event.map((line) => delivery(`${line}\n`, { stream: 'raw' })))).toMatchObject({
      records: 2,
      events: { auditd: 1 },
    });
    expect(
      await rows('SELECT node, comm, argv, length(digests) AS records FROM auditd FINAL WHERE serial = 10'),
    ).toEqual([{ node: 'w9', comm: 'sh', argv: ['sh'], records: 2 }]);
  });

  it('that come twice in one batch make the rows they make when they come once', async () => {
    // two paths that look alike, as of a rename within a directory
    const lines = (serial: number) =>
      ['SYSCALL', 'PATH', 'PATH', 'PROCTITLE'].map(
        (type) => `type=${type} msg=audit(1795439392.000:${serial}): pid=9 name="/a"`,
      );
    const send = (serial: number, stream: string) =>
      delivery(lines(serial).join('\n'), { source: 'auditd', stream, lines: 4 });
    expect(await loader.load([send(11, 'first'), send(12, 'once'), send(11, 'second')])).toMatchObject({
      records: 2,
      duplicates: 1,
      events: { auditd: 2 },
    });
    const typed = await rows(
      `SELECT serial, length(digests) AS records, path_names, auditd.seq = r.seq AS of_record FROM auditd FINAL
       JOIN (SELECT digest, seq FROM records FINAL) AS r ON digests[1] = r.digest WHERE serial IN (11, 12) ORDER BY serial`,
    );
    const row = { records: 1, path_names: ['/a', '/a'], of_record: 1 };
    expect(typed).toEqual([
      { serial: 11, ...row },
      { serial: 12, ...row },
    ]);
  });

  it('that hold lists or many lines are cut, byte for byte, numbered the same each time', async () => {
    const items = ['l-1', 'l-2', 'l-3'].map((id) => request(id));
    const list = delivery(
      `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[${items.join(' , ')}]}`,
      { stream: 'list' },
    );
    const lines = delivery(`${request('l-4')}\n${request('l-5')}\n`, { stream: 'list' });
    const pretty = JSON.stringify(JSON.parse(request('l-6')), null, 2);
    const batch = [list, lines, delivery(pretty, { stream: 'list' })];
    expect(await loader.load(batch)).toMatchObject({ records: 6, deadLetters: 0 });
    const first = await ofStream('list');
    expect(first.map(({ raw }) => raw).sort()).toEqual([...items, request('l-4'), request('l-5'), pretty].sort());
    expect(new Set(first.map(({ loader: l, seq }) => `${l} ${seq}`)).size).toBe(6);
    expect(await loader.load(batch)).toMatchObject({ records: 0, duplicates: 6 });
    expect(await rows("SELECT count() AS n FROM receipts FINAL WHERE stream = 'list'")).toEqual([{ n: 6 }]);
  });

  it('that cannot be read are kept, with the reason', async () => {
    const batch = [
      delivery('hello', { stream: 'bad' }),
      delivery(Buffer.from([0, 255, 254]), { stream: 'bad' }),
      delivery('{"kind":"Event","auditID":', { stream: 'bad' }),
    ];
    expect(
      await loader.load([...batch, delivery('', { stream: 'bad' }), delivery('\n', { stream: 'bad' })]),
    ).toMatchObject({ records: 3, deadLetters: 3 });
    expect(await rows("SELECT DISTINCT reason FROM dead_letters FINAL WHERE stream = 'bad' ORDER BY reason")).toEqual([
      { reason: 'invalid-json' },
      { reason: 'unknown-format' },
    ]);
  });

  it('say only what is of their own source', async () => {
    const forged = delivery(request('forged'), { source: 'auditd', lines: 1, stream: 'forged' });
    expect(await loader.load([forged])).toMatchObject({ records: 1, deadLetters: 1, events: { k8s_audit: 0 } });
    expect(await ofStream('forged')).toMatchObject([{ source: 'auditd', format: 'unknown' }]);
  });

  it('of collectors about themselves become notices', async () => {
    const notice = {
      ...{
        vestige: 'collector',
        id: 'run-1/4',
        kind: 'gap',
        time: '2026-11-26T10:00:00.123Z',
        about: 'auditd',
        stream: '/log',
        uptime_s: 12.5,
      },
      ...{ program: '0.1.0', clock: 'synchronised', clock_error_us: 410, records: 90, waiting_bytes: 1, torn_bytes: 0 },
      gap: {
        reason: 'spool-full',
        from_ms: 1_795_687_200_000,
        to_ms: 1_795_687_201_000,
        records: 512,
        bytes: 4,
        detail: 'd',
      },
    };
    const sent = delivery(JSON.stringify(notice), {
      source: 'collector',
      collector: 'auditd@worker-1',
      stream: 'self',
      bootId: 'b',
    });
    expect(await loader.load([sent])).toMatchObject({ records: 1, deadLetters: 0 });
    expect(
      await rows('SELECT * EXCEPT (digest, loader, seq, version, cluster) FROM collector_notices FINAL'),
    ).toMatchObject([
      {
        node: 'worker-1',
        collector: 'auditd@worker-1',
        run: 'run-1',
        n: 4,
        kind: 'gap',
        about: 'auditd',
        gap_reason: 'spool-full',
        missing: 512,
        boot_id: 'b',
        time: '2026-11-26T10:00:00.123000000Z',
        gap_to: '2026-11-26T10:00:01.000Z',
      },
    ]);
  });

  it('by the thousand fill segments of many envelopes', async () => {
    const many = Array.from({ length: 1500 }, (_, i) => delivery(request(`m-${i}`), { stream: `many-${i % 700}` }));
    expect(await loader.load(many)).toMatchObject({ records: 1500, events: { k8s_audit: 1500 } });
  });

  it('of many envelopes are loaded beside the owner of the store too, which is spoken to by HTTP', async () => {
    const beside = await connect(`embedded:${directory}`, 'test');
    const loading = await createDeliveryLoader(beside);
    const stream = (i: number) => `/var/log/${'/audit'.repeat(i % 2 === 0 ? 10 : 500)}/${i}.log`;
    const many = Array.from({ length: 600 }, (_, i) => delivery(request(`b-${i}`), { stream: stream(i) }));
    expect(await loading.load(many)).toMatchObject({ records: 600, events: { k8s_audit: 600 } });
    await loading.close();
    await beside.close();
  });

  it('of a recording give the same records and rows as its import', async () => {
    const world = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
    await importPaths(['test/fixtures/recordings/poisoned-image'], { cluster: 'imported' }, world);
    const all = await rows(
      `SELECT source, node, base64Encode(raw) AS raw, lines FROM records FINAL WHERE cluster = 'imported' ORDER BY source, position`,
    );
    expect(all.length).toBeGreaterThan(20_000);
    const batch = all.map((r) =>
      delivery(Buffer.from(String(r['raw']), 'base64'), {
        ...{ source: r['source'] as Delivery['source'], node: String(r['node']), lines: Number(r['lines']) },
        ...{ cluster: 'delivered', stream: 'whole' },
      }),
    );
    for (let at = 0; at < batch.length; at += 5000) await loader.load(batch.slice(at, at + 5000));
    const compared = {
      records: 'source, node, event_time, digest, format, event_key, raw, lines',
      ...Object.fromEntries(
        ['k8s_audit', 'runtime', 'auditd'].map((table) => [table, '* EXCEPT (cluster, loader, seq, version)']),
      ),
    };
    const contents = async (cluster: string) => {
      const found: Record<string, unknown> = {};
      for (const [table, columns] of Object.entries(compared))
        found[table] = await rows(`SELECT count() AS n, toString(groupBitXor(sipHash64(tuple(*)))) AS h
          FROM (SELECT ${columns} FROM ${table} FINAL WHERE cluster = '${cluster}')`);
      return found;
    };
    // an import takes the boot from node.json
    await store.run("ALTER TABLE auditd UPDATE boot_id = '' WHERE 1 SETTINGS mutations_sync = 2");
    expect(await contents('delivered')).toEqual(await contents('imported'));
  });
});

describe('a delivery the engine fails on', () => {
  /** The store, whose engine fails on a segment that holds the word, as it does on what it cannot take. */
  const failingOn = (word: string, error: Error): Store => ({
    ...store,
    insertSegment: async (target, select, segment, params) => {
      const isMarked = readFileSync(segment.path).includes(word);
      if (isMarked && !JSON.stringify(params).includes('unknown')) throw error;
      return store.insertSegment(target, select, segment, params);
    },
  });

  it('is kept undecoded, and does not hold up the others', async () => {
    const failure = Object.assign(new Error('Code: 190. DB::Exception: sizes of arrays differ'), { code: '190' });
    const isolating = await createDeliveryLoader(failingOn('POISON', failure));
    const batch = Array.from({ length: 50 }, (_, i) =>
      delivery(request(i === 37 ? 'POISON' : `p-${i}`), { source: 'k8s-audit', lines: 1, stream: 'poisoned' }),
    );
    expect(await isolating.load(batch)).toMatchObject({ records: 50, deadLetters: 1, events: { k8s_audit: 49 } });
    await isolating.close();
    expect(
      await rows(
        `SELECT attrs['undecodable'] AS why FROM records FINAL WHERE stream = 'poisoned' AND format = 'unknown'`,
      ),
    ).toEqual([{ why: failure.message }]);
  });

  it('for a reason of the store is not let go', async () => {
    const failure = Object.assign(new Error('Code: 241. DB::Exception: memory limit exceeded'), { code: '241' });
    const isolating = await createDeliveryLoader(failingOn('WAIT', failure));
    await expect(isolating.load([delivery(request('WAIT'), { stream: 'waiting' })])).rejects.toBe(failure);
    await isolating.close();
    expect(await ofStream('waiting')).toEqual([]);
  });
});
