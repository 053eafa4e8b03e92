// One record as the page shows it: the bytes as text when they are text, and only the fields that say something.
import { recordCustody } from '../../analytics/queries/custody.ts';
import { type RecordDetail, readRecord } from '../../analytics/queries/record.ts';
import type { Store } from '../../analytics/store/store.ts';
import type { RawRecord } from './types.ts';

/** Reads a record to display it, and writes down that it was displayed. */
export async function displayRecord(store: Store, digest: string, at: Date): Promise<RawRecord | undefined> {
  const record = await readRecord(store, digest);
  if (!record) return undefined;
  await recordCustody(store, {
    at,
    actor: 'page',
    action: 'display',
    subject: record.digest,
    detail: 'raw record on the page',
  });
  return rawRecordOf(record);
}

export function rawRecordOf({
  bytes,
  collector,
  stream,
  position,
  loader,
  seq,
  received_at,
  ...record
}: RecordDetail): RawRecord {
  const text = bytes.toString('utf8');
  const isText = Buffer.from(text, 'utf8').equals(bytes);
  const first = { received_at, collector, stream, position, loader, seq };
  return {
    ...record,
    receipts: record.receipts.length > 0 ? record.receipts : [first],
    decoded: record.decoded && withoutEmpty(record.decoded),
    bytes: bytes.length,
    raw: isText ? text : null,
    raw_base64: isText ? null : bytes.toString('base64'),
  };
}

// A typed row has a column for every field of its layer; a person wants those that say something.
function withoutEmpty(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  if (value === '' || value === null || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
