// Stored records in slices of time, each small enough to decode at once. What is derived again is derived window by window.
import type { Store } from '../store/store.ts';

/** Nanoseconds of event time; `to` is excluded. Parameters of the place `window` (decode.ts), with the source. */
export interface Window {
  from: string;
  to: string;
}

// Some 100 MB of raw bytes, as in a batch of the loader.
const WINDOW_RECORDS = 50_000;
const END_OF_TIME = '9223372036854775807';

/**
 * Records of one event share their time, so a window between two times holds events whole.
 * @param since RFC 3339: nothing of an earlier event time
 */
export async function windowsOf(store: Store, source: string, since = '1970-01-01T00:00:00Z'): Promise<Window[]> {
  const rows = await store.rows(
    `SELECT DISTINCT toString(toUnixTimestamp64Nano(event_time)) AS t FROM
       (SELECT event_time, row_number() OVER (ORDER BY event_time) AS i FROM records_all
        WHERE source = {source:String} AND event_time >= parseDateTime64BestEffort({since:String}, 9, 'UTC'))
     WHERE i % ${WINDOW_RECORDS} = 1 ORDER BY toInt64(t)`,
    { source, since },
    'background',
  );
  const starts = rows.map((row) => String(row['t']));
  return starts.map((from, i) => ({ from, to: starts[i + 1] ?? END_OF_TIME }));
}
