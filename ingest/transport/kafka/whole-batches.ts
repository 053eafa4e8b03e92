// kafkajs makes seven objects of every record it fetches: half of what it takes. Here it gets one message for each record batch, which stands
// for all of its records and carries them as they lie; they are read where they are used (batch-deliveries.ts). All else stays with kafkajs: connections,
// groups, where to fetch next, answers it does not know. docs/decisions/0022-whole-batches.md
import type { KafkaMessage, RecordBatchEntry } from 'kafkajs';
import response from 'kafkajs/src/protocol/requests/fetch/v11/response.js';
import { isKafkajsKnown } from './known-kafkajs.ts';
import { isAbort, type RecordBatch, readRecordBatch, unpack } from './record-batch.ts';

/** Made for all records of a batch. Its offset is that of the last one, so that kafkajs goes on behind it. */
interface BatchMessage extends RecordBatchEntry {
  whole: WholeBatch;
}

export interface WholeBatch extends RecordBatch {
  /** Unpacked. */
  records: Buffer;
}

/** Undefined for a message of one record. */
export const wholeOf = (message: KafkaMessage): WholeBatch | undefined => (message as Partial<BatchMessage>).whole;

let isTaken = false;

/** Once for all consumers of this process. Brokers before Kafka 2.3 answer in another version, which kafkajs reads itself. */
export function takeWholeBatches(): void {
  if (isTaken || !isKafkajsKnown) return;
  isTaken = true;
  const { decode } = response;
  response.decode = async (payload) => (await readFetched(payload)) ?? decode.call(response, payload);
}

/** As kafkajs reads an answer to Fetch, version 11, but for its messages. Undefined where a partition holds a format before Kafka 0.11. */
export async function readFetched(payload: Buffer): Promise<FetchResponse | undefined> {
  const from = new AnswerReader(payload);
  const clientSideThrottleTime = from.int32();
  const errorCode = from.int16();
  const sessionId = from.int32();
  const responses: FetchResponse['responses'] = [];
  for (let topics = from.int32(); topics > 0; topics--) {
    const topicName = from.text();
    const partitions: FetchedPartition[] = [];
    responses.push({ topicName, partitions });
    for (let n = from.int32(); n > 0; n--) {
      const head = {
        ...{
          partition: from.int32(),
          errorCode: from.int16(),
          highWatermark: from.int64(),
          lastStableOffset: from.int64(),
        },
        lastStartOffset: from.int64(),
      };
      const aborted: Aborted[] = [];
      for (let left = from.int32(); left > 0; left--)
        aborted.push({ producerId: Number(from.int64()), firstOffset: Number(from.int64()) });
      const preferredReadReplica = from.int32();
      const messages = await messagesOf(from.bytes(), aborted);
      if (messages === undefined) return undefined;
      // what was given up is marked already
      partitions.push({ ...head, abortedTransactions: [], preferredReadReplica, messages });
    }
  }
  // as kafkajs: it is the client that waits
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
}

interface FetchedPartition {
  partition: number;
  errorCode: number;
  highWatermark: string;
  lastStableOffset: string;
  lastStartOffset: string;
  abortedTransactions: readonly never[];
  preferredReadReplica: number;
  messages: BatchMessage[];
}

export interface FetchResponse {
  throttleTime: number;
  clientSideThrottleTime: number;
  errorCode: number;
  sessionId: number;
  responses: { topicName: string; partitions: FetchedPartition[] }[];
}

interface Aborted {
  producerId: number;
  firstOffset: number;
}

const NO_BYTES = Buffer.alloc(0);

async function messagesOf(bytes: Buffer, aborted: Aborted[]): Promise<BatchMessage[] | undefined> {
  const messages: BatchMessage[] = [];
  const isGivenUp = followTransactions(aborted);
  for (let at = 0; ; ) {
    const read = readRecordBatch(bytes, at);
    if (read.status === 'old') return undefined;
    if (read.status === 'more') return messages;
    const { batch } = read;
    // to kafkajs it is as a control record is: passed over, and its offset counts
    const isNone = isGivenUp(batch) || batch.isControl;
    messages.push(messageOf({ ...batch, records: isNone ? NO_BYTES : await unpack(batch) }, isNone));
    at = read.end;
  }
}

function messageOf(whole: WholeBatch, isControlRecord: boolean): BatchMessage {
  const offset = String(whole.lastOffset);
  const about = {
    magicByte: 2,
    isControlRecord,
    batchContext: { producerId: String(whole.producerId), inTransaction: false },
  };
  const message = {
    key: null,
    value: null,
    timestamp: String(whole.maxTimestampMs),
    attributes: 0,
    offset,
    headers: {},
    whole,
  };
  return { ...message, ...about };
}

/** As Kafka's own consumer does it: a transaction that was given up goes from its first offset to the mark of its producer. */
function followTransactions(aborted: Aborted[]): (batch: RecordBatch) => boolean {
  const begin = aborted.sort((a, b) => a.firstOffset - b.firstOffset);
  const open = new Set<number>();
  return (batch) => {
    while (begin[0] !== undefined && begin[0].firstOffset <= batch.lastOffset)
      open.add((begin.shift() as Aborted).producerId);
    if (isAbort(batch)) open.delete(batch.producerId);
    return batch.isTransactional && !batch.isControl && open.has(batch.producerId);
  };
}

/** Numbers of the protocol, one after the other. */
class AnswerReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  int16(): number {
    this.#at += 2;
    return this.#bytes.readInt16BE(this.#at - 2);
  }
  int32(): number {
    this.#at += 4;
    return this.#bytes.readInt32BE(this.#at - 4);
  }
  /** As text, as kafkajs has it. */
  int64(): string {
    this.#at += 8;
    return String(this.#bytes.readBigInt64BE(this.#at - 8));
  }
  text(): string {
    const bytes = this.int16();
    this.#at += bytes;
    return this.#bytes.toString('utf8', this.#at - bytes, this.#at);
  }
  /** Null is none. */
  bytes(): Buffer {
    const bytes = Math.max(0, this.int32());
    this.#at += bytes;
    return this.#bytes.subarray(this.#at - bytes, this.#at);
  }
}
