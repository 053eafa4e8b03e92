// Events that lists speak of, before rules look at them (sources/marks.ts).
import { forgetOlder } from '../store/derived.ts';
import type { Store } from '../store/store.ts';
import notAllowed from './images-not-allowed.sql';
import retagged from './images-retagged.sql';
import { markIndicators } from './mark-indicators.ts';

const COLUMNS = '(cluster, layer, node, event_key, kind, type, value, place, observed, list, note, version)';
// A column and what is made of it share a name.
const SETTINGS = 'SETTINGS prefer_column_name_to_alias = 1';

export async function markEvents(store: Store, version: number): Promise<void> {
  await markIndicators(store, version);
  const images = [...((await hasRows(store, 'allowed_images')) ? [notAllowed] : []), retagged];
  for (const select of images)
    await store.run(`INSERT INTO event_marks ${COLUMNS} ${select} ${SETTINGS}`, { version }, 'background');
  await forgetOlder(store, 'event_marks', version);
}

async function hasRows(store: Store, table: 'allowed_images'): Promise<boolean> {
  return (await store.rows(`SELECT 1 FROM ${table} FINAL LIMIT 1`, {}, 'background')).length > 0;
}
