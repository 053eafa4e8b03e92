// Answers of a broker, built by kafkajs's own encoders, and what is read of them: by kafkajs, record by record, and by whole batches.
import fc from 'fast-check';
import { CompressionTypes, type KafkaMessage } from 'kafkajs';
import Encoder from 'kafkajs/src/protocol/encoder.js';
import encodeRecord from 'kafkajs/src/protocol/recordBatch/record/v0/index.js';
import recordBatch from 'kafkajs/src/protocol/recordBatch/v0/index.js';
import response from 'kafkajs/src/protocol/requests/fetch/v11/response.js';
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../load/deliveries.ts';
import { createDeliveryTable } from '../../load/delivery-table.ts';
import { putBatch } from './batch-deliveries.ts';
import { useGzip } from './gzip.ts';
import { putMessage } from './to-delivery.ts';
import { type FetchResponse, readFetched, takeWholeBatches, wholeOf } from './whole-batches.ts';

useGzip();
const decodeByKafkajs = response.decode;

interface Written {
  offset: number;
  timestamp: number;
  key: string | null;
  value: Buffer | null;
  headers: Record<string, string | string[]>;
}
interface Batch {
  records: Written[];
  firstOffset: number;
  lastOffset: number;
  gzip?: boolean;
  /** Of the head: flags of a broker, which kafkajs's encoder does not write. */
  flags?: number;
  producerId?: number;
}
type Aborted = { producerId: number; firstOffset: number };

const NOW = 1_700_000_000_000;
const LOG_APPEND_TIME = 0x08;
const CONTROL = 0x20;
const TRANSACTIONAL = 0x10;
const ORIGIN = { loader: 'kafka:c/t/0', topic: 't', partition: 0, source: '' } as const;

async function bytesOf({
  records,
  firstOffset,
  lastOffset,
  gzip = false,
  flags = 0,
  producerId = -1,
}: Batch): Promise<Buffer> {
  const encoded = records.map(({ offset, timestamp, ...rest }) =>
    encodeRecord({ offsetDelta: offset - firstOffset, timestampDelta: timestamp - NOW, ...rest }),
  );
  const { buffer } = await recordBatch.RecordBatch({
    ...{ firstOffset, lastOffsetDelta: lastOffset - firstOffset, producerId, records: encoded },
    ...{ firstTimestamp: NOW, maxTimestamp: NOW + 999 },
    compression: gzip ? CompressionTypes.GZIP : CompressionTypes.None,
  });
  const bytes = Buffer.from(buffer);
  bytes.writeInt16BE(bytes.readInt16BE(21) | flags, 21);
  return bytes;
}

function answerOf(set: Buffer, aborted: readonly Aborted[] = []): Buffer {
  const partition = new Encoder().writeInt32(0).writeInt16(0).writeInt64(5000).writeInt64(4000).writeInt64(3);
  partition.writeInt32(aborted.length);
  for (const one of aborted) partition.writeInt64(one.producerId).writeInt64(one.firstOffset);
  partition.writeInt32(-1).writeBytes(set);
  const answer = new Encoder().writeInt32(7).writeInt16(0).writeInt32(9).writeInt32(1);
  return answer.writeString('topic-ü').writeInt32(1).writeEncoder(partition).buffer;
}

const fetched = async (bytes: Buffer) => (await readFetched(bytes))?.responses[0]?.partitions[0];
const messagesOf = async (bytes: Buffer): Promise<KafkaMessage[]> => (await fetched(bytes))?.messages ?? [];

interface Read {
  deliveries: Delivery[];
  odd: number;
  tombstones: number;
}

function read(messages: readonly KafkaMessage[], from = 0): Read {
  const table = createDeliveryTable();
  const sum = { odd: 0, tombstones: 0 };
  for (const message of messages) {
    if ('isControlRecord' in message && message.isControlRecord) continue;
    const whole = wholeOf(message);
    const put = whole ? putBatch(whole, from, ORIGIN, table) : putMessage(message, ORIGIN, table);
    sum.odd += put.odd;
    sum.tombstones += put.tombstones;
  }
  return { deliveries: [...table], ...sum };
}

const envelope = JSON.stringify({
  ...{
    source: 'auditd',
    cluster: 'c',
    node: 'n',
    collector: 'k',
    boot_id: 'b',
    received_at: 5,
    stream: '/s',
    position: 6,
  },
  ...{ lines: 2, attrs: { a: 'ü' } },
});
const header: fc.Arbitrary<string | string[]> = fc.oneof(
  fc.constantFrom(envelope, envelope.replace('5', '77'), '', 'no JSON', '{}'),
  fc.constant<string[]>([envelope, envelope]),
);
const headers: fc.Arbitrary<Written['headers']> = fc.oneof(
  fc.constant({}),
  fc.record({ vestige: header }),
  fc.record({ other: fc.string(), vestige: header, vestige2: fc.string() }),
);
const written = fc.record({
  ...{ timestamp: fc.integer({ min: -5, max: 2 ** 45 }), key: fc.oneof(fc.constant(null), fc.string()), headers },
  value: fc.oneof(
    fc.constant(null),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  ),
});
const batches = fc.array(
  fc.record({
    records: fc.array(fc.tuple(written, fc.integer({ min: 1, max: 200 })), { maxLength: 8 }),
    gap: fc.integer({ min: 0, max: 70_000 }),
    gzip: fc.boolean(),
    flags: fc.constantFrom(0, LOG_APPEND_TIME),
  }),
  { minLength: 1, maxLength: 4 },
);

describe('whole batches', () => {
  it('give the deliveries that kafkajs gives record by record, whatever is in them, packed or not, with gaps as compaction leaves them', async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (given) => {
        let offset = 0;
        const built: Batch[] = given.map(({ records, gap, gzip, flags }) => {
          const firstOffset = offset + gap;
          let at = firstOffset;
          const placed = records.map(([record, step]) => {
            const one = { ...record, offset: at };
            at += step;
            return one;
          });
          offset = at + 1;
          return { records: placed, firstOffset, lastOffset: at, gzip: gzip && placed.length > 0, flags };
        });
        const bytes = answerOf(Buffer.concat(await Promise.all(built.map(bytesOf))));
        const byKafkajs = (await decodeByKafkajs(bytes)) as FetchResponse;
        const { messages, ...rest } = byKafkajs.responses[0]?.partitions[0] ?? {};
        const { messages: whole, ...wholeRest } = (await fetched(bytes)) ?? {};
        expect({ ...wholeRest }).toEqual(rest);
        expect(whole?.map((message) => message.offset)).toEqual(built.map(({ lastOffset }) => String(lastOffset)));
        expect(read(whole ?? [])).toEqual(read(messages ?? []));
      }),
      { numRuns: 150 },
    );
  });

  const record = (offset: number, value: string | Buffer): Written => ({
    ...{ offset, timestamp: NOW, key: null, value: Buffer.from(value), headers: {} },
  });
  const ofProducer = (producerId: number, firstOffset: number, values: readonly string[]): Batch => ({
    ...{ firstOffset, lastOffset: firstOffset + values.length - 1, producerId, flags: TRANSACTIONAL },
    records: values.map((value, i) => record(firstOffset + i, value)),
  });
  const mark = (producerId: number, offset: number, type: 'abort' | 'commit'): Batch => ({
    ...{ firstOffset: offset, lastOffset: offset, producerId, flags: TRANSACTIONAL | CONTROL },
    records: [{ ...record(offset, 'v'), key: `\0\0\0${type === 'abort' ? '\0' : '\x01'}` }],
  });

  it('give what is at and behind the offset that was asked for, of a batch that begins before it', async () => {
    const batch = ofProducer(1, 10, ['a', 'b', 'c', 'd']);
    const messages = await messagesOf(answerOf(await bytesOf({ ...batch, gzip: true })));
    expect(read(messages, 12).deliveries.map(({ seq, raw }) => [seq, String(raw)])).toEqual([
      [12, 'c'],
      [13, 'd'],
    ]);
  });

  it('leave out transactions that were given up, of several producers past each other, begun before what was fetched or in it', async () => {
    const set = await Promise.all(
      [
        ofProducer(2, 20, ['given up by 2']),
        ofProducer(1, 21, ['given up by 1']),
        ofProducer(3, 22, ['kept of 3']),
        mark(2, 23, 'abort'),
        ofProducer(2, 24, ['kept of 2']),
        mark(1, 25, 'abort'),
        mark(2, 26, 'commit'),
        ofProducer(1, 27, ['given up again by 1']),
        { ...ofProducer(1, 28, ['kept of 1, in no transaction']), flags: 0 },
        mark(1, 29, 'abort'),
      ].map(bytesOf),
    );
    const aborted = [
      { producerId: 1, firstOffset: 27 },
      { producerId: 1, firstOffset: 3 },
      { producerId: 2, firstOffset: 5 },
    ];
    const messages = await messagesOf(answerOf(Buffer.concat(set), aborted));
    expect(read(messages).deliveries.map(({ raw }) => String(raw))).toEqual([
      'kept of 3',
      'kept of 2',
      'kept of 1, in no transaction',
    ]);
    // passed over, and not forgotten: the next fetch begins behind the last one
    expect(messages.map(({ offset }) => Number(offset))).toEqual([20, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
  });

  it('end before one that the broker cut', async () => {
    const one = await bytesOf(ofProducer(1, 0, ['a', 'b']));
    const two = await bytesOf(ofProducer(1, 2, ['c', 'd']));
    for (const cut of [1, 40, two.length - 1]) {
      const messages = await messagesOf(answerOf(Buffer.concat([one, two.subarray(0, cut)])));
      expect(messages.map(({ offset }) => offset)).toEqual(['1']);
    }
    expect(await messagesOf(answerOf(Buffer.alloc(0)))).toEqual([]);
  });

  it('are refused where lengths in them point out of them', async () => {
    const bytes = await bytesOf(ofProducer(1, 0, ['a', 'b']));
    for (const [at, byte] of [
      [61, 0x7e],
      [65, 0x7e],
      [66, 0x20],
      [66, 0x0c],
      [68, 0x7e],
    ] as const) {
      const broken = Buffer.from(bytes);
      broken[at] = byte;
      const messages = await messagesOf(answerOf(broken));
      expect(() => read(messages), `byte ${at}`).toThrow(/batch at offset 0/);
    }
  });

  it('are not made of formats before Kafka 0.11: kafkajs reads those', async () => {
    const old = Buffer.alloc(80);
    old[16] = 1;
    expect(await readFetched(answerOf(old))).toBeUndefined();
  });

  // Another version of kafkajs may answer otherwise. Compare protocol/requests/fetch/v11/response.js and consumer/batch.js with what
  // whole-batches.ts and membership.ts rely on before its number is changed in known-kafkajs.ts.
  it('are what kafkajs gives from then on, in the version that is installed', async () => {
    takeWholeBatches();
    const bytes = answerOf(await bytesOf(ofProducer(1, 0, ['a', 'b'])));
    const answer = (await response.decode(bytes)) as FetchResponse;
    expect(answer.responses[0]?.partitions[0]?.messages.map(wholeOf)).toMatchObject([{ firstOffset: 0, count: 2 }]);
  });
});
