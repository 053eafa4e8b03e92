// Segments into the store: each record once, whatever is loaded again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../analytics/store/connect.ts';
import type { Store } from '../../analytics/store/store.ts';
import { dropAbandoned, loadSegment } from './load.ts';
import { batchName, createSegment, type Envelope } from './segment.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-load-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

let batches = 0;
async function load(records: { format: string; raw: Buffer | string; envelope?: Partial<Envelope> }[]) {
  const batch = batchName('test', ++batches);
  const segment = createSegment(join(directory, 'tmp', `${batches}.bin`));
  for (const [i, { format, raw, envelope }] of records.entries()) {
    segment.append(
      {
        source: format === 'auditd' ? 'auditd' : 'k8s-audit',
        cluster: 'c',
        node: '',
        collector: 'test',
        bootId: '',
        stream: 's',
        loader: 'l',
        ...envelope,
      },
      batches * 1000 + i,
      { position: i, receivedAtUs: 1_800_000_000_000_000, lines: 1, format, raw: Buffer.from(raw) },
    );
  }
  segment.close();
  return loadSegment(store, batch, segment);
}
const event = (id: string, more = {}) =>
  JSON.stringify({
    auditID: id,
    stage: 'ResponseComplete',
    requestReceivedTimestamp: '2026-11-23T13:10:37.5Z',
    ...more,
  });
const count = async (table: string) => Number((await store.rows(`SELECT count() AS n FROM ${table} FINAL`))[0]?.['n']);

describe('a batch', () => {
  it('of records that are there already, in it twice or of two clusters, counts each rightly', async () => {
    const one = { format: 'k8s-audit', raw: event('a') };
    expect(await load([one, one])).toMatchObject({ records: 1, duplicates: 1, events: { k8s_audit: 1 } });
    const other = { ...one, envelope: { cluster: 'other' } };
    expect(await load([one, other, { format: 'k8s-audit', raw: event('b') }])).toMatchObject({
      records: 2,
      duplicates: 1,
    });
    expect(await count('records')).toBe(3);
    expect(await count('receipts')).toBe(5);
  });

  it('keeps bytes exactly, and the digest is of these bytes', async () => {
    const raw = Buffer.from([0, 255, 10, 13, 39, 92, 123]);
    await load([{ format: 'unknown', raw }]);
    expect(
      await store.rows("SELECT hex(raw) AS h, digest = SHA256(raw) AS same FROM records WHERE format = 'unknown'"),
    ).toEqual([{ h: raw.toString('hex').toUpperCase(), same: 1 }]);
  });

  it('takes no time from the bytes that it cannot believe', async () => {
    for (const requestReceivedTimestamp of [
      '1999-01-01T00:00:00Z',
      '2150-01-01T00:00:00Z',
      'soon',
      '99999999999999999999',
    ]) {
      await load([{ format: 'k8s-audit', raw: event(`t${requestReceivedTimestamp}`, { requestReceivedTimestamp }) }]);
    }
    for (const time of ['99999999999999999999.1', '9795439396208.632', '9999999999.99999999999999999999'])
      await load([{ format: 'auditd', raw: `type=SYSCALL msg=audit(${time}:1): arch=c000003e` }]);
    const times = await store.rows(
      "SELECT DISTINCT toString(event_time) AS t FROM records WHERE event_key LIKE 't%' OR source = 'auditd'",
    );
    expect(times).toEqual([{ t: '1970-01-01 00:00:00.000000000' }]);
  });

  it('makes a row of each auditd event, also where times and serials are none a kernel writes', async () => {
    const ids = [
      '175439425.224:1',
      '99999999999.224:1',
      '1795439390.6325:2',
      '1795439390.63:2',
      '1795439390.630:2',
      '1795439390.630:02',
    ];
    await load(
      ids.map((id) => ({ format: 'auditd', raw: `type=CWD msg=audit(${id}): cwd="/"`, envelope: { node: 'odd' } })),
    );
    const rows = await store.rows("SELECT odd_key FROM auditd FINAL WHERE node = 'odd' ORDER BY odd_key");
    expect(rows.map((r) => r['odd_key'])).toEqual(['', ...ids.filter((id) => id !== '1795439390.630:2').sort()]);
  });

  it('of a killed loader goes after a day, one of now stays', async () => {
    for (const [batch, at] of [
      ['old', 'now() - INTERVAL 2 DAY'],
      ['new', 'now()'],
    ] as const) {
      await store.run(`INSERT INTO staged (batch, received_at) SELECT '${batch}', ${at}`);
    }
    await dropAbandoned(store);
    expect(await store.rows('SELECT batch FROM staged')).toEqual([{ batch: 'new' }]);
  });
});
