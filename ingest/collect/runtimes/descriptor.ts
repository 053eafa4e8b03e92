// Protobuf messages and services as protobufjs describes them in JSON, written short: the bundle needs no .proto file beside it.
// `'3 repeated containerd.types.Mount'` is a field, `'GetRequest -> stream Reply'` a method.

interface Field {
  id: number;
  type: string;
  keyType?: string;
  rule?: 'repeated';
}
export interface Message {
  fields: Record<string, Field>;
  nested?: Namespace;
}
interface Enum {
  values: Record<string, number>;
}
interface Method {
  requestType: string;
  responseType: string;
  responseStream: boolean;
}
export interface Service {
  methods: Record<string, Method>;
}
export type Namespace = Record<string, Message | Enum | Service | { nested: Namespace }>;

/** Fields as `number type`, `number repeated type` or `number map type` (its keys are text). */
export function message(fields: Readonly<Record<string, string>>, nested?: Namespace): Message {
  return {
    fields: Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, fieldOf(text)])),
    ...(nested && { nested }),
  };
}

function fieldOf(text: string): Field {
  const [id = '', ...words] = text.split(' ');
  const type = words.pop() ?? '';
  if (words[0] === 'map') return { id: Number(id), keyType: 'string', type };
  return { id: Number(id), type, ...(words[0] === 'repeated' && { rule: 'repeated' }) };
}

/** Names in the order of their numbers, from 0. */
export const enumeration = (...names: string[]): Enum => ({
  values: Object.fromEntries(names.map((name, number) => [name, number])),
});

/** Methods as `Request -> Response` or `Request -> stream Response`. */
export const service = (methods: Readonly<Record<string, string>>): Service => ({
  methods: Object.fromEntries(Object.entries(methods).map(([name, text]) => [name, methodOf(text)])),
});

function methodOf(text: string): Method {
  const [requestType = '', to = ''] = text.split(' -> ');
  const responseStream = to.startsWith('stream ');
  return { requestType, responseType: to.replace('stream ', ''), responseStream };
}

/** `{ 'a.b': {...} }` as namespaces within each other. */
export function packages(of: Readonly<Record<string, Namespace>>): { nested: Namespace } {
  const root: { nested: Namespace } = { nested: {} };
  for (const [name, content] of Object.entries(of)) {
    let at = root;
    for (const part of name.split('.')) {
      at.nested[part] ??= { nested: {} };
      at = at.nested[part] as { nested: Namespace };
    }
    Object.assign(at.nested, content);
  }
  return root;
}

export const wellKnown: Namespace = {
  Any: message({ type_url: '1 string', value: '2 bytes' }),
  Timestamp: message({ seconds: '1 int64', nanos: '2 int32' }),
  Empty: message({}),
};
