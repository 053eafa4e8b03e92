// Rows derived from records that are gone hold the same content, so they go too; those of kept records stay.
import type { Store } from '../store/store.ts';

// A row stays while any record it was made of is in the bulk table (also one on its way in) or kept.
const HERE = `SELECT digest FROM records WHERE _partition_id = {partition:String}
  UNION ALL SELECT digest FROM staged UNION ALL SELECT digest FROM records_kept`;

const tables = {
  k8s_audit: `digest NOT IN (${HERE})`,
  runtime: `digest NOT IN (${HERE})`,
  collector_notices: `digest NOT IN (${HERE})`,
  events: `digest NOT IN (${HERE})`,
  auditd: `NOT arrayExists(d -> d IN (${HERE}), digests)`,
} as const;

/** These tables are partitioned like records, by the month of the event's own time. */
export async function removeDerivedRows(store: Store, partition: string): Promise<void> {
  for (const [table, gone] of Object.entries(tables)) {
    await store.run(
      `ALTER TABLE ${table} DELETE IN PARTITION ID '${Number(partition)}' WHERE ${gone} SETTINGS mutations_sync = 2`,
      { partition },
    );
  }
  const here =
    'SELECT digest FROM staged UNION ALL SELECT digest FROM records UNION ALL SELECT digest FROM records_kept';
  await store.run(`ALTER TABLE dead_letters DELETE WHERE digest NOT IN (${here}) SETTINGS mutations_sync = 2`);
}
