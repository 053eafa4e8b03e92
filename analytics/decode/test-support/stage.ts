// Records into `staged` as a loader would put them, and through the decoders. For tests.
import type { Row, Store } from '../../store/store.ts';
import { countStaged, deadLetterReason, decodeStaged } from '../decode.ts';
import { withStaged } from '../staged.ts';

export interface StagedRecord {
  format: 'auditd' | 'k8s-audit' | `${'containerd' | 'docker' | 'cri' | 'podman'}-${string}` | 'unknown' | 'oversized';
  raw: string | Buffer;
  /** Found in the bytes when left out. */
  eventKey?: string;
  node?: string;
  /** What the collector put into the envelope. */
  attrs?: Record<string, string>;
}

const sourceOf = (format: StagedRecord['format']) =>
  format === 'auditd' || format === 'k8s-audit' ? format : 'runtime';

const keys: Partial<Record<string, RegExp>> = {
  auditd: /msg=audit\((\d+\.\d+:\d+)\)/,
  'k8s-audit': /"auditID":"([^"]+)"/,
  'containerd-event': /^(\S+ \S+)/,
  'containerd-container': /"ID":"(\w+)"/,
};

/** Decodes the records as one batch, whose typed rows stay; what was staged goes. */
export const decodeRecords = (store: Store, records: readonly StagedRecord[]): Promise<void> =>
  withStaged(store, async (staged) => {
    for (const [i, { format, raw, node = 'worker-1', eventKey, attrs = {} }] of records.entries()) {
      const key = eventKey ?? keys[format]?.exec(raw.toString())?.[1] ?? '';
      const seconds = format === 'auditd' ? Number(key.split(':')[0]) : 0;
      await store.run(
        `INSERT INTO ${staged} (source, cluster, node, event_time, digest, format, event_key, raw, lines, loader, seq, attrs, is_mended, has_body, reason)
         SELECT '${sourceOf(format)}', 'prod', {node:String}, toDateTime64(${seconds}, 9, 'UTC'), SHA256(raw),
           '${format}' AS format, {key:String} AS event_key, base64Decode({raw:String}) AS raw, 1, 'test', ${i + 1}, {attrs:Map(String, String)}, format = 'k8s-audit', true, ${deadLetterReason()}`,
        { node, key, raw: Buffer.from(raw).toString('base64'), attrs },
      );
    }
    await decodeStaged(store, staged, await countStaged(store, staged));
  });

/** All rows of a typed table, without what says nothing about the event. */
export async function typedRows(
  store: Store,
  table: 'k8s_audit' | 'auditd' | 'runtime',
  order: string,
): Promise<Row[]> {
  const digests = table === 'auditd' ? 'digests' : 'digest';
  return store.rows(`SELECT * EXCEPT (${digests}, loader, seq, version) FROM ${table} FINAL ORDER BY ${order}`);
}

export async function emptyTables(store: Store): Promise<void> {
  for (const table of ['k8s_audit', 'auditd', 'runtime', 'dead_letters']) await store.run(`TRUNCATE TABLE ${table}`);
}
