// Values of protobuf as the JSON of records: what Go's encoding/json writes of the same messages, so that a record reads like a line of
// `ctr events`. Times have all nine digits; maps are sorted, for containerd sends them in any order and equal content must be equal bytes.

/** As grpc-client.ts gives them. */
export interface ProtoTimestamp {
  seconds?: string;
  nanos?: number;
}
export interface ProtoAny {
  type_url?: string;
  value?: Buffer;
}

const NANOS_DIGITS = 9;

/** RFC 3339 in UTC with nanoseconds; undefined for what is no time. */
export function rfc3339(time: ProtoTimestamp | undefined): string | undefined {
  if (time === undefined) return undefined;
  const date = new Date(Number(time.seconds ?? 0) * 1000);
  if (Number.isNaN(date.getTime())) return undefined;
  const seconds = date.toISOString().slice(0, -'.000Z'.length);
  return `${seconds}.${String(time.nanos ?? 0).padStart(NANOS_DIGITS, '0')}Z`;
}

/** Milliseconds since 1970. */
export const millisecondsOf = (time: ProtoTimestamp | undefined): number =>
  Number(time?.seconds ?? 0) * 1000 + Math.floor((time?.nanos ?? 0) / 1e6);

/** An Any as Go writes it. */
export const anyJson = (any: ProtoAny) => ({
  type_url: any.type_url ?? '',
  ...(any.value?.length && { value: any.value.toString('base64') }),
});

/** `labels` of a message: sorted by name; absent stays absent. */
export function sorted<Value>(map: Readonly<Record<string, Value>> | undefined): Record<string, Value> | undefined {
  if (map === undefined) return undefined;
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A decoded message: times as text, Any and bytes as base64, maps sorted; fields keep their names and order. */
export function protoJson(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64');
  if (Array.isArray(value)) return value.map(protoJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, fieldJson(name, field)]));
}

// Names are enough: in what is read of containerd and CRI no other field is called like these.
const maps = new Set(['labels', 'annotations', 'info', 'unified']);

function fieldJson(name: string, field: unknown): unknown {
  if (name.endsWith('_at')) return rfc3339(field as ProtoTimestamp) ?? field;
  if (maps.has(name)) return sorted(field as Record<string, string>);
  if (isAny(field)) return anyJson(field);
  return protoJson(field);
}

const isAny = (value: unknown): value is ProtoAny =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && 'type_url' in value;
