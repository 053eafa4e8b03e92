// What is known to be missing on a node: told by collectors and by the spool itself, kept as notices (docs/reference/gaps.md).
import type { CollectedSource } from './record-meta.ts';

/** What a collector knows to be missing. Closed list, explained in docs/reference/gaps.md. */
export type GapReason =
  /** The spool was full: oldest bulk records were dropped. */
  | 'spool-full'
  /** Nothing could be written: the disk below the spool is full or broken. */
  | 'spool-unwritable'
  /** A segment of the spool cannot be read. */
  | 'spool-damaged'
  /** A sink refuses a record for its size. */
  | 'refused-by-sink'
  /** The log was truncated, or rotated away, before it was read to its end. */
  | 'log-truncated'
  | 'log-lost'
  /** The stream of events was interrupted: what happened meanwhile was listed, not seen. */
  | 'stream-interrupted'
  /** A container was gone before its document could be read: its events are there, what it was is not. */
  | 'container-undescribed'
  /** A batch of the API server was refused for its size. */
  | 'batch-refused'
  /** A clock was set. */
  | 'clock-stepped';

export interface Gap {
  reason: GapReason;
  source: Exclude<CollectedSource, 'collector'>;
  stream: string;
  /** Milliseconds since 1970; the interval in which something may be missing. */
  fromMs: number;
  toMs: number;
  /** The most records that can be missing; undefined when nobody can know. */
  records?: number;
  bytes?: number;
  detail: string;
}
