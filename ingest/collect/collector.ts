// What every collector is given and gives. A collector reads one source of a node (a file, a socket, an endpoint) and hands on bytes it does
// not touch; what becomes of them (spool, checksums, sink) is the runtime's (run-collector.ts).

import type { Gap } from '../spool/gap.ts';
import type { CommitUpTo } from '../spool/parts.ts';
import type { CollectedSource } from '../spool/record-meta.ts';

/** Bytes as the source wrote them, framed as one record (section 3 of the design). */
export interface Collected {
  source: Exclude<CollectedSource, 'collector'>;
  /** Empty: the node this runs on (none for k8s-audit). Else what the bytes themselves say (`node=` of auditd). */
  node?: string;
  stream: string;
  position: number;
  lines: number;
  /** Said beside the bytes: container id from /proc, runtime namespace. */
  attrs?: Readonly<Record<string, string>>;
  /** May be a view of a larger buffer: it is copied before `emit` returns. */
  raw: Buffer;
}

/** What a collector does its work with. */
export interface CollectorPlace {
  /**
   * Takes a record. Nothing waits here: what cannot be kept is dropped by the spool's policy and becomes a gap.
   * @returns false when it could not be taken at all (nothing can be written): a source that can be read again tries again later
   */
  emit(record: Collected): boolean;
  /** From here on the stream is read again after a restart; committed with the records emitted before it, never without them. */
  checkpoint(stream: string, state: string): void;
  /** The latest checkpoint of a stream that was committed. */
  restored(stream: string): string | undefined;
  /**
   * Resolves once all that was emitted is on disk, or all up to the last checkpoint; rejects when it cannot be written. Many may wait for one
   * fsync.
   */
  committed(upTo?: CommitUpTo): Promise<void>;
  report(gap: Gap): void;
  /** A line for the person who reads the collector's own log. */
  say(text: string): void;
  now(): Date;
  /** Aborted when the collector is to end; it then commits what it has and resolves. */
  readonly stop: AbortSignal;
}

/**
 * Reads a source until `place.stop`; survives whatever the source does (absent, restarted, rotated) without a hand.
 * Rejects only for what will not mend itself: wrong configuration, a bug.
 */
export type Collector = (place: CollectorPlace) => Promise<void>;
