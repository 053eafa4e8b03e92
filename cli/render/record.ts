// A record for people and as JSON: bytes that are no UTF-8 have no text, so they come as base64.
import { isUtf8 } from 'node:buffer';
import type { RecordDetail } from '../../analytics/queries/record.ts';
import { visible } from './table.ts';

/** The JSON of a record: `raw` is its text, or null with `raw_base64` when the bytes are no UTF-8. */
export function recordDocument({ bytes, ...record }: RecordDetail): object {
  const text = isUtf8(bytes) ? bytes.toString('utf8') : null;
  return {
    ...record,
    bytes: bytes.length,
    raw: text,
    ...(text === null ? { raw_base64: bytes.toString('base64') } : {}),
  };
}

export function renderRecord(record: RecordDetail): string {
  const receipts = record.receipts.map((r) => `${r.received_at} ${r.collector} ${r.stream} at ${r.position}`);
  const lines = [
    `record   ${record.digest}`,
    `source   ${record.source} (${record.format}), cluster ${record.cluster}${record.node === '' ? '' : `, node ${record.node}`}`,
    `time     ${record.event_time ?? 'unknown'}`,
    `event    ${record.event_key || 'none'}`,
    ...receipts.map((text) => `received ${text}`),
    ...(record.dead_letter === null ? [] : [`not decoded: ${record.dead_letter.reason}`]),
  ];
  const raw = record.bytes.toString('utf8').split('\n');
  return [...lines, '', ...raw, '', ...decodedLines(record.decoded)].map(visible).join('\n');
}

function decodedLines(decoded: Record<string, unknown> | null): string[] {
  const told = Object.entries(decoded ?? {}).filter(([, value]) => !isEmpty(value));
  const width = Math.max(0, ...told.map(([name]) => name.length));
  return told.map(
    ([name, value]) => `${name.padEnd(width)}  ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
}

// What a row says by default is not worth a line: unset, unknown, no.
function isEmpty(value: unknown): boolean {
  if (value === null || value === '' || value === -1 || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
