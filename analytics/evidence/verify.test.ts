import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordCustody } from '../queries/custody.ts';
import type { Store } from '../store/store.ts';
import { createTree } from './merkle.ts';
import { seal } from './seal.ts';
import { keyPathOf, signingKey } from './seal-key.ts';
import { addRecords, openTestStore, scalar, type TestStore } from './testing.ts';
import { type Verification, verify } from './verify.ts';

let test: TestStore;
let store: Store;
let key: KeyObject;
const now = () => new Date('2026-11-03T00:00:00Z');
const sealAll = (limit?: number) => seal({ store, now, key }, limit);
const kinds = (v: Verification) => v.differences.map((d) => d.kind);

beforeEach(async () => {
  test = await openTestStore();
  store = test.store;
  key = signingKey(store, undefined);
  await addRecords(store, { loader: 'a', from: 1, count: 3000 });
});
afterEach(() => test.remove());

describe('sealing', () => {
  it('takes every record once, in the order of loader and seq, and says when nothing is new', async () => {
    await addRecords(store, { loader: 'B', from: 1, count: 10 });
    const [first, ...none] = await sealAll();
    expect([first?.leaves, none.length]).toEqual([3010, 0]);
    const order = await store.rows('SELECT loader, seq FROM seal_leaves FINAL ORDER BY segment, n');
    expect(order.slice(0, 11).map((r) => [r['loader'], r['seq']])).toEqual([
      ...Array.from({ length: 10 }, (_, i) => ['B', i + 1]),
      ['a', 1],
    ]);
    expect(await sealAll()).toEqual([]);
    await addRecords(store, { loader: 'A', from: 1, count: 5, eventTime: '2020-01-01T00:00:00Z' });
    const [late] = await sealAll();
    expect([late?.segment, late?.leaves, late?.previous]).toEqual([2, 5, first?.hash]);
    expect(await verify(store, {})).toMatchObject({ verified: true, seals: 2, leaves: 3015, unsealed: 0 });
  });

  it('makes segments no longer than asked for, each with the root of its leaves', async () => {
    const seals = await sealAll(1100);
    expect(seals.map((s) => s.leaves)).toEqual([1100, 1100, 800]);
    for (const { segment, root } of seals) {
      const tree = createTree();
      const sql = 'SELECT lower(hex(leaf)) AS leaf FROM seal_leaves WHERE segment = {segment:UInt64} ORDER BY n';
      for (const row of await store.rows(sql, { segment })) tree.add(Buffer.from(String(row['leaf']), 'hex'));
      expect(root).toBe(tree.root().toString('hex'));
    }
    expect((await verify(store, {})).verified).toBe(true);
  });

  it('keeps the key to its user and uses the same one again', async () => {
    await sealAll();
    expect(statSync(keyPathOf(test.directory)).mode & 0o777).toBe(0o600);
    expect(signingKey(store, undefined).equals(key)).toBe(true);
    const published = createPublicKey(readFileSync(join(test.directory, 'keys', 'seal.pub.pem')));
    expect((await verify(store, { publicKey: published })).verified).toBe(true);
  });

  it('asks for a key file where the store has no directory of this host', async () => {
    const remote = { ...store, directory: undefined };
    expect(() => signingKey(remote, undefined)).toThrow(/--key FILE/);
    expect(signingKey(remote, keyPathOf(test.directory)).equals(key)).toBe(true);
    await expect(seal({ store: remote, now, key })).resolves.toHaveLength(1);
  });

  it('takes away leaves that a killed run left without a seal', async () => {
    await sealAll();
    await addRecords(store, { loader: 'b', from: 1, count: 20 });
    await store.run(
      "INSERT INTO seal_leaves SELECT 2, number, 'auditd', 'test', 'node-1', now(), 'b', number, SHA256('x'), SHA256('y') FROM numbers(500)",
    );
    const left = await verify(store, {});
    expect([left.verified, left.unsealed]).toEqual([true, 20]);
    expect((await sealAll()).map((s) => s.leaves)).toEqual([20]);
    expect(await scalar(store, '(SELECT count() FROM seal_leaves)')).toBe(3020);
    expect((await verify(store, {})).verified).toBe(true);
  });

  it('lets one sealer work at a time', async () => {
    const both = await Promise.allSettled([sealAll(), sealAll()]);
    expect(both.map((r) => r.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await verify(store, {})).toMatchObject({ verified: true, leaves: 3000 });
  });

  it('is not stopped by the lock of a killed sealer, even if its number lives again in another process', async () => {
    for (const left of ['999999999 1', `${process.pid} 1`]) {
      writeFileSync(join(test.directory, 'keys', 'seal.lock'), left);
      await addRecords(store, { loader: left, from: 1, count: 1 });
      expect(await sealAll()).toHaveLength(1);
    }
  });
});

describe('verifying', () => {
  const mutate = (table: string, what: string) => store.run(`ALTER TABLE ${table} ${what} SETTINGS mutations_sync = 2`);

  it('names the record of which one byte was changed', async () => {
    await sealAll();
    await mutate('records', "UPDATE raw = replaceOne(raw, 'r', 's') WHERE seq IN (1235, 2000)");
    const v = await verify(store, {});
    expect([v.verified, v.counts]).toEqual([false, { bytes: 2 }]);
    const digest = await scalar(store, "lower(hex(SHA256('record a 1235')))");
    const other = await scalar(store, "lower(hex(SHA256('secord a 1235')))");
    expect(v.differences).toMatchObject([
      { kind: 'bytes', segment: 1, leaf: 1234, digest, record: { loader: 'a', seq: 1235 } },
    ]);
    expect(v.differences[0]?.message).toBe(
      `segment 1 leaf 1234: record ${digest} (auditd test node-1 2026-11-01T00:20:34.000000000Z): its bytes hash to ${other}`,
    );
  });

  it('names a record replaced by another row with the same key', async () => {
    await sealAll();
    await store.run(
      `INSERT INTO records SELECT * REPLACE ('other bytes' AS raw) FROM records WHERE seq = 7 AND loader = 'a'`,
    );
    expect((await verify(store, {})).differences).toMatchObject([{ kind: 'bytes', leaf: 6 }]);
    await store.run(
      `INSERT INTO records SELECT * REPLACE (received_at - toIntervalDay(1) AS received_at) FROM records WHERE seq = 5 AND loader = 'a'`,
    );
    expect((await verify(store, {})).differences).toMatchObject([
      { kind: 'envelope', leaf: 4 },
      { kind: 'bytes', leaf: 6 },
    ]);
  });

  it.each([
    ['the stream', "UPDATE stream = 'elsewhere' WHERE seq = 50", 'envelope', 49],
    ['an attribute', "UPDATE attrs = map('k', 'w') WHERE seq = 51", 'envelope', 50],
    ['the collector', "UPDATE collector = 'other' WHERE seq = 52", 'envelope', 51],
    ['the identity of the event', "UPDATE event_key = 'another' WHERE seq = 53", 'envelope', 52],
    ['a whole row, removed', 'DELETE WHERE seq IN (54, 60)', 'missing', 53],
  ])('names the record when %s was changed', async (_, change, kind, leaf) => {
    await sealAll();
    await mutate('records', change);
    expect((await verify(store, {})).differences).toMatchObject([{ kind, segment: 1, leaf }]);
  });

  it('tells a record put in where sealing has already been from one that is only new', async () => {
    await sealAll();
    await addRecords(store, { loader: 'a', from: 3001, count: 4 });
    expect(await verify(store, {})).toMatchObject({ verified: true, unsealed: 4 });
    await store.run(
      `INSERT INTO records SELECT * REPLACE (SHA256('planted') AS digest, 'planted' AS raw) FROM records WHERE loader = 'a' AND seq = 99`,
    );
    const v = await verify(store, {});
    expect(v.differences).toMatchObject([{ kind: 'added', record: { loader: 'a', seq: 99 } }]);
    expect(v.counts).toEqual({ added: 1 });
  });

  it('sees leaves changed together with their records by the root', async () => {
    await sealAll();
    await mutate('seal_leaves', "UPDATE leaf = SHA256('forged') WHERE n = 10");
    expect(kinds(await verify(store, {}))).toEqual(['root', 'envelope']);
    await mutate('seal_leaves', 'DELETE WHERE n = 10');
    const v = await verify(store, {});
    expect(kinds(v)).toEqual(['root', 'added']);
    expect(v.differences[0]?.message).toContain('3000 leaves were sealed, 2999 are stored');
  });

  it('sees a seal taken out of the chain, changed, or signed by another', async () => {
    await sealAll(1000);
    await mutate('seals', 'UPDATE leaves = 999 WHERE segment = 3');
    expect((await verify(store, {})).differences[0]?.message).toBe(
      'segment 3: its column leaves is not what was signed',
    );
    await mutate('seals', 'UPDATE leaves = 1000 WHERE segment = 3');
    const other = generateKeyPairSync('ed25519');
    expect((await verify(store, { publicKey: other.publicKey })).counts['seal']).toBe(3);
    await mutate('seals', 'DELETE WHERE segment = 2');
    const words = (await verify(store, {})).differences.map((d) => d.message);
    expect(words[0]).toBe('segment 3: the seal of segment 2 is missing');
  });

  it('sees a signed text exchanged even when everything else fits it', async () => {
    await sealAll();
    const old = await scalar(store, '(SELECT any(signed) FROM seals)');
    await mutate(
      'seals',
      'UPDATE signed = replaceOne(signed, \'"leaves":3000\', \'"leaves":2999\'), leaves = 2999 WHERE 1',
    );
    expect(await scalar(store, '(SELECT any(signed) FROM seals)')).not.toBe(old);
    const words = (await verify(store, {})).differences.map((d) => d.message);
    expect(words).toContain('segment 1: its signature does not hold');
  });

  it('sees the end of the chain cut off when a seal is known from elsewhere', async () => {
    const seals = await sealAll(1500);
    const knownSeal = seals[1]?.hash ?? '';
    expect((await verify(store, { knownSeal })).verified).toBe(true);
    await mutate('seals', 'DELETE WHERE segment = 2');
    await mutate('seal_leaves', 'DELETE WHERE segment = 2');
    await mutate('records', 'DELETE WHERE seq > 1500');
    expect((await verify(store, {})).verified).toBe(true);
    expect(kinds(await verify(store, { knownSeal }))).toEqual(['unknown-seal']);
  });
});

describe('the custody log', () => {
  const entry = (at: string, subject: string) =>
    recordCustody(store, { at: new Date(at), actor: 'a', action: 'show record', subject, detail: '' });

  it('is covered by the next seal, but for its last minute', async () => {
    await entry('2026-11-01T00:00:00Z', 'one');
    await entry('2026-11-02T00:00:00Z', 'two');
    await sealAll();
    await entry('2026-11-02T23:59:30Z', 'three');
    await addRecords(store, { loader: 'b', from: 1, count: 1 });
    await seal({ store, now: () => new Date('2026-11-04T00:00:00Z'), key });
    expect((await verify(store, {})).verified).toBe(true);
    await mutateCustody("DELETE WHERE subject = 'three'");
    const v = await verify(store, {});
    expect(v.differences.map((d) => d.message)).toEqual([
      'segment 2: the custody log before 2026-11-03T23:59:00.000Z is not what was sealed: 3 entries were, 2 are there',
    ]);
    await entry('2026-11-02T23:59:30Z', 'three');
    expect((await verify(store, {})).verified).toBe(true);
    await entry('2026-11-01T12:00:00Z', 'planted');
    expect((await verify(store, {})).differences).toMatchObject([{ kind: 'custody', segment: 1 }]);
  });

  const mutateCustody = (what: string) => store.run(`ALTER TABLE custody ${what} SETTINGS mutations_sync = 2`);
});
