// A batch of records on its way in, before it is decoded: a table in memory, of its own for every batch. Nothing of it reaches a
// disk, for all of it can be made again from the segment it came from.
import { withScratchTable } from '../store/scratch.ts';
import type { Store } from '../store/store.ts';

const COLUMNS = `(
  source LowCardinality(String), cluster LowCardinality(String), node LowCardinality(String),
  event_time DateTime64(9, 'UTC'), digest FixedString(32), format LowCardinality(String), event_key String,
  raw String, lines UInt32, boot_id LowCardinality(String), attrs Map(LowCardinality(String), String),
  collector LowCardinality(String), received_at DateTime64(6, 'UTC'), stream LowCardinality(String), position UInt64,
  loader LowCardinality(String), seq UInt64,
  is_mended Bool, -- JSON that the engine reads only once it is mended (readable-json.sql)
  has_body Bool, -- of a Kubernetes event: may hold a requestObject or a responseObject
  reason LowCardinality(String) -- why no typed row can be made of it, '' when one can
) ENGINE = Memory`;

/** Fills a staged table, uses it and forgets it. */
export const withStaged = <T>(store: Store, work: (staged: string) => Promise<T>): Promise<T> =>
  withScratchTable(store, 'staged', COLUMNS, work, 'write');
