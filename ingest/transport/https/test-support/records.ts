// Records as a spool hands them to a sink.
import { encodeEntry, type RecordEntry } from '../../../spool/entry.ts';

export function recordOf(raw: Buffer | string, more: Partial<RecordEntry['meta']> = {}): RecordEntry {
  return {
    kind: 'record',
    raw: Buffer.from(raw as string),
    meta: {
      ...{ source: 'k8s-audit', cluster: 'c', node: '', collector: 'k8s-audit@cp-1', boot_id: 'boot-1' },
      ...{ received_at: 1_795_000_000_123_456, stream: 'webhook:cp-1:8443', position: 7, lines: 1, attrs: {} },
      ...more,
    },
  };
}

/** A Kubernetes audit event. */
export const eventOf = (id: string): string =>
  `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"${id}","stage":"ResponseComplete","requestReceivedTimestamp":"2026-11-26T10:00:01.500000Z","verb":"get"}`;

export const framesOf = (records: readonly RecordEntry[]): Buffer => Buffer.concat(records.map(encodeEntry));
