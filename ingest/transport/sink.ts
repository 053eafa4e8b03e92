// Where a spool drains to. A sink is at the other end of a network or in this process; it says when a batch is safe there.
import type { RecordEntry } from '../spool/entry.ts';

type SinkErrorCode =
  /** Nobody answers, or answers that it cannot now: the same batch is sent again. */
  | 'unavailable'
  /** The other end will never take this batch as it is: smaller ones may pass. */
  | 'too-large'
  /** Wrong address, certificate, password or topic: sent again all the same, for an operator may mend it, and said aloud. */
  | 'refused';

export class SinkError extends Error {
  override readonly name = 'SinkError';
  readonly code: SinkErrorCode;
  readonly retriable: boolean;
  constructor(code: SinkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retriable = code !== 'too-large';
  }
}

export interface Sink {
  /** For people: where it goes, without password. */
  readonly address: string;
  /**
   * Resolves once every record is safe at the other end: replicated in Kafka, or in the store. May be given the same batch again.
   * @throws SinkError
   */
  send(batch: readonly RecordEntry[]): Promise<void>;
  close(): Promise<void>;
}
