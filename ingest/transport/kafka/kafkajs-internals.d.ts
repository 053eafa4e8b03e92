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
