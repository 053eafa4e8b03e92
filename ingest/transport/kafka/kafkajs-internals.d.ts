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
