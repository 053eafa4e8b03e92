// The canonical envelope of a record, version 1 (docs/reference/seals.md): what a seal says beside the bytes themselves.
// Netstrings in a fixed order, so that two different envelopes never share their bytes. SQL and TypeScript have to give
// the same bytes: the engine seals and verifies in bulk, TypeScript proves single records.
import { createHash } from 'node:crypto';

export const ENVELOPE_VERSION = 'vestige-envelope-v1';

export interface RecordEnvelope {
  source: string;
  cluster: string;
  node: string;
  /** Nanoseconds since 1970 in decimal: more than a double holds. */
  eventTimeNs: string;
  format: string;
  eventKey: string;
  lines: number;
  bootId: string;
  attrs: readonly (readonly [string, string])[];
  collector: string;
  receivedAtUs: string;
  stream: string;
  position: string;
  loader: string;
  seq: string;
}

export function canonicalEnvelope(e: RecordEnvelope): Buffer {
  const attrs = e.attrs
    .map(([key, value]) => [Buffer.from(key), Buffer.from(value)] as const)
    .sort((a, b) => Buffer.compare(a[0], b[0]) || Buffer.compare(a[1], b[1]))
    .map(([key, value]) => Buffer.concat([netstring(key), netstring(value)]));
  const head = [
    ENVELOPE_VERSION,
    e.source,
    e.cluster,
    e.node,
    e.eventTimeNs,
    e.format,
    e.eventKey,
    `${e.lines}`,
    e.bootId,
  ];
  const tail = [e.collector, e.receivedAtUs, e.stream, e.position, e.loader, e.seq];
  return Buffer.concat([...head.map(netstring), netstring(Buffer.concat(attrs)), ...tail.map(netstring)]);
}

/** SHA-256(0x00 || SHA-256(canonical envelope) || digest) */
export function leafHash(envelope: RecordEnvelope, digest: Buffer): Buffer {
  const inner = createHash('sha256').update(canonicalEnvelope(envelope)).digest();
  return createHash('sha256')
    .update(Buffer.from([0]))
    .update(inner)
    .update(digest)
    .digest();
}

function netstring(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([Buffer.from(`${bytes.length}:`), bytes, Buffer.from(',')]);
}

const netstringSql = (value: string) => `toString(length(${value})), ':', ${value}, ','`;

const attrsSql = `arrayStringConcat(arrayMap(x -> concat(${netstringSql('x.1')}, ${netstringSql('x.2')}),
  arraySort(arrayZip(arrayMap(k -> toString(k), mapKeys(attrs)), mapValues(attrs)))))`;

const fieldsSql = [
  `'${ENVELOPE_VERSION}'`,
  'source',
  'cluster',
  'node',
  'toString(toUnixTimestamp64Nano(event_time))',
  'format',
  'event_key',
  'toString(lines)',
  'boot_id',
  attrsSql,
  'collector',
  'toString(toUnixTimestamp64Micro(received_at))',
  'stream',
  'toString(position)',
  'loader',
  'toString(seq)',
];

/** The leaf as an expression over the columns of `records`. */
export const LEAF_SQL = `SHA256(concat(char(0), SHA256(concat(${fieldsSql.map(netstringSql).join(', ')})), digest))`;
