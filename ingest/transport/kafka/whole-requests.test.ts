// Requests as kafkajs writes them, and as they are written here.
import fc from 'fast-check';
import { CompressionTypes, type Message } from 'kafkajs';
import produce, { type ProduceArgs } from 'kafkajs/src/protocol/requests/produce/index.js';
import { describe, expect, it } from 'vitest';
import { useGzip } from './gzip.ts';
import { encodeProduce, NO_TIMESTAMP, sendWholeRequests } from './whole-requests.ts';

useGzip();
const VERSION = 7;
const protocolOfKafkajs = produce.protocol;
const byKafkajs = (args: ProduceArgs) => protocolOfKafkajs({ version: VERSION })?.(args).request.encode();

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((some) => Buffer.from(some));
// lengths around those that take another byte
const lengths = fc.constantFrom(0, 1, 62, 63, 64, 65, 8190, 8191, 8192, 8193, 70_000);
const value = fc.oneof(
  bytes(200),
  lengths.map((n) => Buffer.alloc(n, 'v')),
);
const message = fc
  .record({ key: fc.oneof(fc.constant('c/n'), fc.string(), fc.string({ unit: 'grapheme' })), value, header: value })
  .map(({ header, ...rest }) => ({ ...rest, headers: { vestige: header }, timestamp: NO_TIMESTAMP, isRecord: true }));
const messages = fc.oneof(
  fc.array(message, { minLength: 1, maxLength: 6 }),
  // offsets that take another byte
  fc.tuple(message, fc.constantFrom(64, 65, 100)).map(([one, n]) => Array.from({ length: n }, () => one)),
);
const requests: fc.Arbitrary<ProduceArgs> = fc.record({
  ...{ acks: fc.constant(-1), timeout: fc.nat(60_000), producerEpoch: fc.nat(30_000) },
  compression: fc.constantFrom(CompressionTypes.None, CompressionTypes.GZIP),
  producerId: fc.oneof(fc.constant('-1'), fc.maxSafeNat().map(String)),
  topicData: fc.array(
    fc.record({
      topic: fc.string({ maxLength: 40 }),
      partitions: fc.array(fc.record({ partition: fc.nat(100), firstSequence: fc.nat(), messages }), { maxLength: 3 }),
    }),
    { maxLength: 3 },
  ),
});

describe('whole requests', () => {
  it('are those of kafkajs, byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(requests, async (args) => {
        expect((await encodeProduce(args)).buffer.equals((await byKafkajs(args))?.buffer ?? Buffer.alloc(0))).toBe(
          true,
        );
      }),
      { numRuns: 60 },
    );
  });

  // Compare protocol/requests/produce of another version of kafkajs with what whole-requests.ts relies on before its number is changed in
  // known-kafkajs.ts.
  it('are what kafkajs sends from then on, in the version that is installed, and for messages of the sink alone', async () => {
    sendWholeRequests();
    const made = (one: Message) => {
      const topicData = [{ topic: 't', partitions: [{ partition: 0, firstSequence: 0, messages: [one] }] }];
      const args = { acks: -1, timeout: 1, compression: 0, producerId: '5', producerEpoch: 0, topicData };
      return {
        ours: produce.protocol({ version: VERSION })?.(args),
        theirs: protocolOfKafkajs({ version: VERSION })?.(args),
      };
    };
    const ofSink = {
      key: 'k',
      value: Buffer.from('v'),
      headers: { vestige: Buffer.from('h') },
      timestamp: NO_TIMESTAMP,
    };
    const { ours, theirs } = made({ ...ofSink, isRecord: true } as Message);
    expect(String(ours?.request.encode)).not.toBe(String(theirs?.request.encode));
    expect(ours).toMatchObject({ request: { apiKey: 0, apiVersion: VERSION }, response: theirs?.response });
    const other = made({ ...ofSink, timestamp: '1700000000000' });
    expect(String(other.ours?.request.encode)).toBe(String(other.theirs?.request.encode));
  });
});
