import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalEnvelope, LEAF_SQL, leafHash, type RecordEnvelope } from './envelope.ts';
import { openTestStore, type TestStore } from './testing.ts';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const whole = fc.maxSafeNat().map(String);
const envelope: fc.Arbitrary<RecordEnvelope> = fc.record({
  source: fc.constantFrom('k8s-audit', 'auditd', 'runtime'),
  cluster: text,
  node: text,
  eventTimeNs: fc.bigInt({ min: 0n, max: 4102444800999999999n }).map(String),
  format: text,
  eventKey: text,
  lines: fc.nat(),
  bootId: text,
  attrs: fc.uniqueArray(fc.tuple(text, text), { maxLength: 3, selector: (x) => x[0] }),
  collector: text,
  receivedAtUs: fc.bigInt({ min: 0n, max: 4102444800999999n }).map(String),
  stream: text,
  position: whole,
  loader: text,
  seq: whole,
});

/** Netstrings back to their texts: what can be read back was not ambiguous. */
function readBack(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const colon = bytes.indexOf(':', at);
    const end = colon + 1 + Number(bytes.toString('latin1', at, colon));
    expect(bytes.toString('latin1', end, end + 1)).toBe(',');
    parts.push(bytes.subarray(colon + 1, end));
    at = end + 1;
  }
  return parts;
}

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.remove());

describe('the canonical envelope', () => {
  it('can be read back to every field, so that no two envelopes share their bytes', () => {
    fc.assert(
      fc.property(envelope, (e) => {
        const parts = readBack(canonicalEnvelope(e));
        const attrs = readBack(parts.splice(9, 1)[0] ?? Buffer.alloc(0)).map(String);
        const { attrs: _, ...fields } = e;
        expect(parts.slice(1).map(String)).toEqual(Object.values(fields).map(String));
        const pairs = Array.from({ length: attrs.length / 2 }, (__, i) => [attrs[2 * i], attrs[2 * i + 1]]);
        expect(Object.fromEntries(pairs)).toEqual(Object.fromEntries(e.attrs));
      }),
    );
  });

  it('does not depend on the order of attributes', () => {
    const base = fc.sample(envelope, 1)[0] as RecordEnvelope;
    const [a, b] = [['a', '1'] as const, ['b', '2'] as const];
    expect(canonicalEnvelope({ ...base, attrs: [a, b] })).toEqual(canonicalEnvelope({ ...base, attrs: [b, a] }));
  });

  it('gives the same leaf in the engine and here, whatever bytes the fields hold', async () => {
    const samples = fc.sample(envelope, 600); // enough for hashes that end in zero bytes
    const digestOf = (i: number) => Buffer.alloc(32, i % 7 === 0 ? 0 : i);
    const rows = samples.map((e, i) => ({
      i,
      ...e,
      digest: digestOf(i).toString('hex'),
      attrs: Object.fromEntries(e.attrs),
    }));
    const structure =
      'i UInt32, source String, cluster String, node String, eventTimeNs String, format String, eventKey String, lines UInt32, bootId String, attrs Map(String, String), collector String, receivedAtUs String, stream String, position UInt64, loader String, seq UInt64, digest String';
    await test.store.run(`CREATE TABLE samples (${structure}) ENGINE = Memory`);
    await test.store.insert('samples', rows);
    const found = await test.store.rows(
      `SELECT i, lower(hex(${LEAF_SQL})) AS leaf FROM (
         SELECT i, source, cluster, node, fromUnixTimestamp64Nano(toInt64(eventTimeNs), 'UTC') AS event_time, format, eventKey AS event_key, lines,
           bootId AS boot_id, attrs, collector, fromUnixTimestamp64Micro(toInt64(receivedAtUs), 'UTC') AS received_at, stream, position, loader, seq,
           toFixedString(unhex(digest), 32) AS digest FROM samples) ORDER BY i`,
    );
    expect(found.map((row) => row['leaf'])).toEqual(samples.map((e, i) => leafHash(e, digestOf(i)).toString('hex')));
  });
});
