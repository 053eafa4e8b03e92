// Events that indicators are about, into event_marks: what was observed anywhere is compared with the lists once, however many events show
// it; then the events that show what was found are looked for. An indicator counts at the time of the event.
import { withScratchTable } from '../store/scratch.ts';
import type { Store } from '../store/store.ts';
import matches from './matches.sql';
import observables from './observables.sql';

export async function markIndicators(store: Store, version: number): Promise<void> {
  const rows = await store.rows('SELECT DISTINCT type FROM indicators FINAL', {}, 'background');
  const types = rows.map((row) => String(row['type']));
  if (types.length === 0) return;
  await withScratchTable(store, 'observed', OBSERVED, (observed) =>
    withScratchTable(store, 'matched', MATCHED, async (matched) => {
      const run = (sql: string) => store.run(sql, { types, version }, 'background');
      await run(`INSERT INTO ${observed} SELECT DISTINCT type, observed FROM (${observables})`);
      await run(`INSERT INTO ${matched} SELECT DISTINCT * FROM (${matches.replaceAll('{observed}', observed)})`);
      await run(MARK(matched));
    }),
  );
}

const OBSERVED = '(type LowCardinality(String), observed String) ENGINE = MergeTree ORDER BY (type, observed)';
const MATCHED = `(type LowCardinality(String), observed String, written String, list String, for_cluster String, note String,
  valid_from DateTime64(3, 'UTC'), valid_until DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY (type, observed)`;

const MARK = (matched: string) => `
  INSERT INTO event_marks (cluster, layer, node, event_key, kind, type, value, place, observed, list, note, version)
  SELECT DISTINCT cluster, layer, node, event_key, 'indicator', m.type, m.written, place, m.observed, m.list, m.note, {version:UInt64}
  FROM (${observables}) AS o
  INNER JOIN ${matched} AS m ON m.type = o.type AND m.observed = o.observed
  WHERE m.for_cluster IN ('', o.cluster) AND o.time >= m.valid_from AND (m.valid_until = toDateTime64(0, 3, 'UTC') OR o.time < m.valid_until)`;
