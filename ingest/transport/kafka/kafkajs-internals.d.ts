// What is used of kafkajs 2.2.4 beyond its declared types (calm-kafkajs.ts).
declare module 'kafkajs/src/network/requestQueue/index.js' {
  const requestQueue: {
    readonly prototype: { readonly pending: readonly unknown[]; scheduleCheckPendingRequests: () => void };
  };
  export default requestQueue;
}

// (whole-batches.ts)
declare module 'kafkajs/src/protocol/requests/fetch/v11/response.js' {
  const response: { decode(payload: Buffer): Promise<unknown> };
  export default response;
}

// (whole-batches.test.ts)
declare module 'kafkajs/src/protocol/encoder.js' {
  export default class Encoder {
    buffer: Buffer;
    writeInt16(n: number): this;
    writeInt32(n: number): this;
    writeInt64(n: number): this;
    writeString(text: string): this;
    /** With its length before it. */
    writeBytes(bytes: Buffer): this;
    writeEncoder(other: Encoder): this;
  }
}
declare module 'kafkajs/src/protocol/recordBatch/record/v0/index.js' {
  const encode: (record: object) => import('kafkajs/src/protocol/encoder.js').default;
  export default encode;
}
declare module 'kafkajs/src/protocol/recordBatch/v0/index.js' {
  const recordBatch: { RecordBatch(batch: object): Promise<{ buffer: Buffer }> };
  export default recordBatch;
}

// (whole-requests.ts)
declare module 'kafkajs/src/protocol/recordBatch/crc32C/index.js' {
  const crc32c: (bytes: Buffer) => number;
  export default crc32c;
}
declare module 'kafkajs/src/protocol/requests/produce/index.js' {
  export interface ProduceArgs {
    acks: number;
    timeout: number;
    /** A CompressionTypes. */
    compression: number;
    transactionalId?: string;
    /** A Long of kafkajs, or a text. */
    producerId: unknown;
    producerEpoch: number;
    topicData: readonly {
      topic: string;
      partitions: readonly {
        partition: number;
        firstSequence: number;
        messages: readonly import('kafkajs').Message[];
      }[];
    }[];
  }
  /** As much of an encoder of kafkajs as is used of a request's. */
  export interface ProduceRequest {
    buf: Buffer;
    buffer: Buffer;
    size(): number;
  }
  type Make = (args: ProduceArgs) => { request: { encode(): Promise<ProduceRequest> }; response: unknown };
  const produce: { protocol(of: { version: number }): Make | undefined };
  export default produce;
}
