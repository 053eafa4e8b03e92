// The envelope beside a message: one header, for each header costs kafkajs as much as the message (docs/decisions/0010-kafkajs-one-header.md).
// Messages of others have none, or what they please: nothing here throws.
import type { IHeaders } from 'kafkajs';
import type { RecordEntry } from '../../spool/entry.ts';
import { type RecordMeta, readRecordMeta } from '../../spool/record-meta.ts';

export const ENVELOPE_HEADER = 'vestige';
// An envelope has some hundred bytes, with a long stream or labels some thousand.
export const HEADER_BYTES_MAX = 0xffff;

/** Records of a node stay in order: they go to one partition. */
export const keyOf = ({ cluster, node }: Pick<RecordMeta, 'cluster' | 'node'>): string => `${cluster}/${node}`;

/** As the spool has it, where it comes from there. */
export const headersOf = ({ meta, metaBytes }: RecordEntry): { [ENVELOPE_HEADER]: Buffer } => ({
  [ENVELOPE_HEADER]: metaBytes ?? Buffer.from(JSON.stringify(meta)),
});

export type ReadHeader = { status: 'ok'; meta: RecordMeta } | { status: 'none' } | { status: 'odd' };

export function readHeader(headers: IHeaders | undefined): ReadHeader {
  const header = headers?.[ENVELOPE_HEADER];
  if (header === undefined) return { status: 'none' };
  // one without a value is null, one that came twice a list
  if (!Buffer.isBuffer(header) || header.length > HEADER_BYTES_MAX) return { status: 'odd' };
  const meta = readRecordMeta(header);
  return meta === undefined ? { status: 'odd' } : { status: 'ok', meta };
}

/** Of a key as ours are, `cluster/node`. */
export function placeOfKey(text: string): { cluster: string; node: string } {
  const cut = text.indexOf('/');
  return cut === -1
    ? { cluster: 'default', node: '' }
    : { cluster: text.slice(0, cut) || 'default', node: text.slice(cut + 1) };
}
