// Deliveries to the store: records with their envelopes, as a spool or a topic brings them.
import type { Loaded } from './load.ts';

/** One payload as it came. Its bytes may be one record, or a list, or lines: they are cut as those of a log are (ingest/frame). */
export interface Delivery {
  /** Empty when the deliverer does not say: then the bytes tell (ingest/frame/recognise.ts). */
  source: '' | 'k8s-audit' | 'auditd' | 'runtime' | 'collector';
  cluster: string;
  node: string;
  collector: string;
  bootId: string;
  receivedAtUs: number;
  stream: string;
  position: number;
  /** Lines of the source in it; 0 when the deliverer does not say. */
  lines: number;
  attrs: Readonly<Record<string, string>>;
  /** Who loads: `kafka:CLUSTER/TOPIC/PARTITION`, or one name for each run of a receiver. */
  loader: string;
  /** Monotonic within the loader: of Kafka the offset, so that what is loaded again has the same. */
  seq: number;
  raw: Buffer;
}

/** An array of them, or a table (delivery-table.ts). */
export interface Deliveries extends Iterable<Delivery> {
  readonly length: number;
  slice(from: number, to?: number): Deliveries;
}

export interface DeliveryLoader {
  /**
   * Resolves once the store has every record of the batch, typed rows and receipts included. May be called with the same batch again, by
   * this or another loader (docs/decisions/0009-kafka-to-store.md). One batch at a time.
   * @throws StoreError, or what the engine says
   */
  load(batch: Deliveries): Promise<Loaded>;
  close(): Promise<void>;
}
