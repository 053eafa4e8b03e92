import type { KeyObject } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRecord } from '../queries/record.ts';
import type { Store } from '../store/store.ts';
import { listHolds, placeHold, releaseHold } from './hold.ts';
import { applyRetention, previewRetention, RetentionBusyError, readPolicy, setPolicy } from './retention.ts';
import { seal } from './seal.ts';
import { signingKey } from './seal-key.ts';
import { addRecords, markCorrelated, openTestStore, scalar, type TestStore } from './testing.ts';
import { verify } from './verify.ts';

let test: TestStore;
let store: Store;
let key: KeyObject;
const by = { actor: 'tester', now: () => new Date('2026-11-20T00:00:00Z') };
const old = { eventTime: '2025-03-01T00:00:00Z', receivedAt: '2026-01-01T00:00:00Z' };
const digestOf = async (loader: string, seq: number) =>
  String(await scalar(store, `lower(hex(SHA256('record ${loader} ${seq}')))`));
const fates = async () => (await applyRetention(store, 90, key, by)).map((f) => [f.partition, f.fate, f.kept]);

async function addChain(...seqs: number[]): Promise<void> {
  for (const seq of seqs) {
    await store.run(
      `INSERT INTO chain_members (cluster, chain_id, digest, member_id, layer, time, step, role, version)
       SELECT 'test', 'chain-1', unhex({digest:String}), 'm', 'auditd', toDateTime64(0, 9), 1, 'core', 1`,
      { digest: await digestOf('old', seq) },
    );
  }
}

beforeEach(async () => {
  test = await openTestStore();
  store = test.store;
  key = signingKey(store, undefined);
  await addRecords(store, { loader: 'old', from: 1, count: 1000, ...old });
  await addRecords(store, { loader: 'new', from: 1, count: 50 });
  await markCorrelated(store, '2026-11-19T00:00:00Z');
});
afterEach(() => test.remove());

describe('a hold', () => {
  it('copies its records away, is listed, and ends without losing them', async () => {
    const digest = await digestOf('old', 5);
    const hold = await placeHold(store, { kind: 'record', digest }, 'case 42', by);
    expect(hold).toMatchObject({ kind: 'record', subject: digest, records: 1, reason: 'case 42' });
    expect(await scalar(store, '(SELECT count() FROM records_kept)')).toBe(1);
    await placeHold(store, { kind: 'record', digest }, 'case 43', by);
    expect((await listHolds(store)).map((h) => h.reason)).toEqual(['case 43']);
    expect(await releaseHold(store, hold?.id ?? '', by)).toBe(true);
    expect(await releaseHold(store, hold?.id ?? '', by)).toBe(false);
    expect(await listHolds(store)).toEqual([]);
    expect(await scalar(store, '(SELECT count() FROM records_kept)')).toBe(1);
    const log = await store.rows('SELECT actor, action, subject FROM custody ORDER BY action');
    expect(log.map((e) => `${e['actor']} ${e['action']} ${e['subject']}`)).toEqual([
      `tester hold ${digest}`,
      `tester hold ${digest}`,
      `tester release ${digest}`,
    ]);
    expect(await placeHold(store, { kind: 'record', digest }, 'again', by)).toMatchObject({ records: 1 });
  });

  it('is not made for what has no records', async () => {
    expect(await placeHold(store, { kind: 'chain', id: 'none' }, '', by)).toBeUndefined();
    expect(await listHolds(store)).toEqual([]);
  });
});

describe('retention', () => {
  it('lets nothing go that no seal covers', async () => {
    expect(await fates()).toEqual([
      ['202503', 'unsealed', 0],
      ['202611', 'young', 0],
    ]);
    expect(await scalar(store, '(SELECT count() FROM records)')).toBe(1050);
  });

  it('lets nothing go of which chains may not be found yet', async () => {
    await seal({ store, now: by.now, key });
    await store.run('TRUNCATE TABLE cursors');
    expect((await fates())[0]).toEqual(['202503', 'uncorrelated', 0]);
    await markCorrelated(store, '2025-12-31T00:00:00Z');
    expect((await fates())[0]).toEqual(['202503', 'uncorrelated', 0]);
    await markCorrelated(store, '2026-01-02T00:00:00Z');
    expect((await fates())[0]).toEqual(['202503', 'expired', 0]);
  });

  it('keeps all that is known of the containers and pods in which a chain went on', async () => {
    const member = async (seq: number) => `unhex('${await digestOf('old', seq)}')`;
    await addChain(10);
    await store.run(
      `INSERT INTO events (cluster, time, layer, event_id, container_id, pod_uid, digest, version)
       SELECT 'test', toDateTime64(0, 9), 'auditd', '10', 'c1', 'p1', ${await member(10)}, 1
       UNION ALL SELECT 'test', toDateTime64(0, 9), 'auditd', '11', 'c1', '', ${await member(11)}, 1
       UNION ALL SELECT 'test', toDateTime64(0, 9), 'k8s-audit', '12', '', 'p1', ${await member(12)}, 1
       UNION ALL SELECT 'test', toDateTime64(0, 9), 'auditd', '13', 'c2', 'p2', ${await member(13)}, 1`,
    );
    const entity = async (table: string, columns: string, values: string, seq: number) =>
      store.run(
        `INSERT INTO ${table} (cluster, ${columns}, digests, version) SELECT 'test', ${values}, [${await member(seq)}], 1`,
      );
    await entity('containers', 'node, container_id, pod_uid', "'n', 'c1', 'p1'", 20);
    await entity('containers', 'node, container_id, pod_uid', "'n', 'sandbox', 'p1'", 21);
    await entity('containers', 'node, container_id, pod_uid', "'n', 'c2', 'p2'", 22);
    await entity('pods', 'pod_uid', "'p1'", 23);
    await entity('processes', 'node, process_key, container_id', "'n', 'k', 'c1'", 24);
    await entity('sessions', 'session_id, container_id', "'s', 'c1'", 25);
    await seal({ store, now: by.now, key });
    await fates();
    const kept = await store.rows('SELECT seq FROM records_kept FINAL ORDER BY seq');
    expect(kept.map((row) => row['seq'])).toEqual([10, 11, 12, 20, 21, 23, 24, 25]);
  });

  it('judges by the receipt, not by the time of the event', async () => {
    await addRecords(store, { loader: 'late', from: 1, count: 1, eventTime: '2025-03-02T00:00:00Z' });
    await seal({ store, now: by.now, key });
    expect((await fates())[0]?.[1]).toBe('young');
  });

  it('lets old partitions go, keeps what chains and holds need, and stays verifiable', async () => {
    await addChain(10, 20);
    const digest = await digestOf('old', 30);
    await placeHold(store, { kind: 'record', digest }, 'case', by);
    await seal({ store, now: by.now, key });
    const preview = await previewRetention(store, 90, by.now());
    expect(preview.map((f) => f.fate)).toEqual(['would-expire', 'young']);
    expect(await scalar(store, '(SELECT count() FROM records)')).toBe(1050);
    expect(await fates()).toEqual([
      ['202503', 'expired', 3],
      ['202611', 'young', 0],
    ]);
    expect(await scalar(store, '(SELECT count() FROM records)')).toBe(50);
    expect(await verify(store, {})).toMatchObject({ verified: true, leaves: 1050, expired: 997, unsealed: 0 });
    for (const seq of [10, 20, 30]) {
      expect((await readRecord(store, await digestOf('old', seq)))?.bytes.toString()).toBe(`record old ${seq}`);
    }
    expect((await fates()).map((f) => f[0])).toEqual(['202611']);
  });

  it('does not take a kept record that was removed, or a hole of another making, for an expiry', async () => {
    await addChain(10);
    await seal({ store, now: by.now, key });
    await fates();
    await addRecords(store, { loader: 'later', from: 1, count: 10, ...old, eventTime: '2025-03-20T00:00:00Z' });
    await seal({ store, now: by.now, key });
    await store.run("ALTER TABLE records DELETE WHERE loader = 'later' AND seq = 4 SETTINGS mutations_sync = 2");
    await store.run('ALTER TABLE records_kept DELETE WHERE 1 SETTINGS mutations_sync = 2');
    const v = await verify(store, {});
    expect(v.differences.map((d) => [d.kind, d.segment, d.record?.seq])).toEqual([
      ['missing', 1, 10],
      ['missing', 2, 4],
    ]);
    expect([v.expired, v.counts]).toEqual([999, { missing: 2 }]);
  });

  it('is not believed when its own rows were changed', async () => {
    await addChain(10);
    await seal({ store, now: by.now, key });
    await fates();
    await store.run('ALTER TABLE retention_kept DELETE WHERE 1 SETTINGS mutations_sync = 2');
    const v = await verify(store, {});
    expect(v.counts).toEqual({ retention: 1, missing: 999 });
    expect(v.differences[0]?.message).toContain('the list of what stays kept was changed');
  });

  it('lets a record come again after it has expired', async () => {
    await addChain(10);
    await seal({ store, now: by.now, key });
    await fates();
    await addRecords(store, { loader: 'again', from: 1, count: 3, ...old });
    await store.run(
      `INSERT INTO records SELECT * REPLACE ('again' AS loader, SHA256('record old 10') AS digest, 'record old 10' AS raw, 77 AS seq, event_time + toIntervalSecond(9) AS event_time) FROM records WHERE loader = 'again' AND seq = 1`,
    );
    await store.run(
      `INSERT INTO records SELECT * REPLACE ('again' AS loader, SHA256('record old 1') AS digest, 'record old 1' AS raw, 78 AS seq) FROM records WHERE loader = 'again' AND seq = 1`,
    );
    expect(await verify(store, {})).toMatchObject({ verified: true, differences: [] });
  });

  it('takes the typed rows of what went and leaves those of what is kept', async () => {
    await addChain(10);
    await store.run(
      `INSERT INTO auditd (cluster, node, time, serial, digests, version) SELECT cluster, node, event_time, seq, [digest], 1 FROM records`,
    );
    await store.run(
      `INSERT INTO events (cluster, time, layer, event_id, digest, version) SELECT cluster, event_time, 'auditd', event_key, digest, 1 FROM records`,
    );
    await store.run(
      `INSERT INTO dead_letters (source, cluster, node, digest, reason) SELECT source, cluster, node, digest, 'unknown-format' FROM records WHERE seq IN (10, 11)`,
    );
    await seal({ store, now: by.now, key });
    await fates();
    expect(await scalar(store, '(SELECT count() FROM dead_letters)')).toBe(3);
    expect(await scalar(store, '(SELECT count() FROM auditd)')).toBe(51);
    expect(await scalar(store, '(SELECT count() FROM events)')).toBe(51);
  });

  it('does not let records go that came in while it decided', async () => {
    await seal({ store, now: by.now, key });
    const late = { ...old, loader: 'late', from: 1, count: 5 };
    let asked = 0;
    // between reading the partitions and letting them go, a batch comes in and is merged with what was looked at
    const interrupted: Store = {
      ...store,
      run: async (sql, params, lane) => {
        if (sql.includes('DROP PART') && asked++ === 0) {
          await addRecords(store, late);
          await store.run('OPTIMIZE TABLE records FINAL');
        }
        await store.run(sql, params, lane);
      },
    };
    await expect(applyRetention(interrupted, 90, key, by)).rejects.toThrow(RetentionBusyError);
    expect(await scalar(store, '(SELECT count() FROM records)')).toBe(1055);
    expect(await verify(store, {})).toMatchObject({ verified: true, expired: 0, unsealed: 5 });
  });

  it('remembers the policy set last and who set it', async () => {
    expect(await readPolicy(store)).toBeUndefined();
    await setPolicy(store, 90, by);
    await setPolicy(store, 30, { actor: 'other', now: () => new Date('2026-11-21T00:00:00Z') });
    expect(await readPolicy(store)).toMatchObject({ days: 30, set_by: 'other' });
  });
});
