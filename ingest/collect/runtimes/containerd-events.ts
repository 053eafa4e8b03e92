// An event of containerd's stream as the record `containerd-json`.
//
// {"timestamp":"2026-11-23T13:09:55.900000000Z","namespace":"k8s.io","topic":"/tasks/start","event":{"container_id":"0aba...","pid":29543}}
//
// The body is what `ctr events` prints. A body of an unknown type is kept as {"type_url","value"} (base64). Where a later containerd has
// fields that are not known here, `event_bytes` holds the whole body beside what was understood: nothing is dropped.
import { type Envelope, eventCodec } from './containerd-api.ts';
import { anyJson, protoJson, rfc3339 } from './protobuf-json.ts';

export interface ContainerdEvent {
  namespace: string;
  topic: string;
  /** Fields of the body that were understood. */
  body: Readonly<Record<string, unknown>>;
  json: string;
}

export function eventOf({ timestamp, namespace = '', topic = '', event = {} }: Envelope): ContainerdEvent {
  const body = eventCodec(event.type_url ?? '')?.read(event.value ?? Buffer.alloc(0));
  const json = JSON.stringify({
    timestamp: rfc3339(timestamp),
    namespace,
    topic,
    event: body ? protoJson(body.fields) : anyJson(event),
    ...(body && !body.isWhole && { event_bytes: event.value?.toString('base64') }),
  });
  return { namespace, topic, body: body?.fields ?? {}, json };
}
