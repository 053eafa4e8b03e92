// What a sink and a receiver agree on: POST to this path, a body of frames (ingest/spool/entry.ts), an answer that counts.

export const RECORDS_PATH = '/api/v1/records';
export const FRAMES_TYPE = 'application/vnd.vestige.frames';

/** What a 200 says. */
export interface Received {
  /** Records of this body: they are in the store. */
  received: number;
  /** Of the load they were part of, with those of other collectors. */
  records: number;
  duplicates: number;
  dead_letters: number;
}
