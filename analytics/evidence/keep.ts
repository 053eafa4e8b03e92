// Copies records that must outlive the bulk data to records_kept: members of chains, and what is held.
import type { Store } from '../store/store.ts';
import keep from './keep.sql';
import needed from './needed.sql';

const COLUMNS =
  'source, cluster, node, event_time, digest, format, event_key, raw, lines, boot_id, attrs, collector, received_at, stream, position, loader, seq';

/** (cluster, digest) of everything that belongs to a chain or a hold (dossiers hold their records). */
export const NEEDED_SQL: string = needed;

export function keepPartition(store: Store, partition: string): Promise<void> {
  return store.run(keepSql('_partition_id = {partition:String}', NEEDED_SQL), { partition });
}

export function keepHold(store: Store, hold: string): Promise<void> {
  const held = 'SELECT cluster, digest FROM holds FINAL WHERE hold_id = {hold:String}';
  return store.run(keepSql('digest IN (SELECT digest FROM holds FINAL WHERE hold_id = {hold:String})', held), { hold });
}

const keepSql = (condition: string, which: string) =>
  keep
    .replaceAll('{columns}', COLUMNS)
    .replace('{condition}', condition)
    .replace('{needed}', () => which);
