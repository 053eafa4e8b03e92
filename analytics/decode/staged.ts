// A batch of records on its way in, before it is decoded: a table of its own for every batch, written once and read a few times from
// front to back. It lies in files, not in memory, so that a batch may be large and is prepared seldom; the system keeps them in its cache, and
// nobody waits for the disk. All of it can be made again from the segment it came from. What is large or will not shrink is not compressed.
import { withScratchTable } from '../store/scratch.ts';
import type { Store } from '../store/store.ts';

const COLUMNS = `(
  source LowCardinality(String), cluster LowCardinality(String), node LowCardinality(String),
  event_time DateTime64(9, 'UTC'), digest FixedString(32) CODEC(NONE), format LowCardinality(String), event_key String CODEC(NONE),
  raw String CODEC(NONE), lines UInt32, boot_id LowCardinality(String), attrs Map(LowCardinality(String), String),
  collector LowCardinality(String), received_at DateTime64(6, 'UTC'), stream LowCardinality(String), position UInt64,
  loader LowCardinality(String), seq UInt64,
  is_mended Bool, -- JSON that the engine reads only once it is mended (readable-json.sql)
  has_body Bool, -- of a Kubernetes event: may hold a requestObject or a responseObject
  reason LowCardinality(String) -- why no typed row can be made of it, '' when one can
) ENGINE = Log`;

/** Fills a staged table, uses it and forgets it. */
export const withStaged = <T>(store: Store, work: (staged: string) => Promise<T>): Promise<T> =>
  withScratchTable(store, 'staged', COLUMNS, work, 'write');
