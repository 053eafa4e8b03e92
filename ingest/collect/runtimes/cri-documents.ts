// Events and statuses of CRI as records: `cri-event` as `crictl events` prints it, `cri-container`, `cri-sandbox` and `cri-image` as
// `crictl inspect`, `inspectp` and `inspecti` do, with when they were read. Zeros of protobuf are left out but where a format is told by them.
import { type CriEvent, type CriImage, type CriStatus, criEventCodec } from './cri-api.ts';
import { protoJson } from './protobuf-json.ts';

export interface CriEventRecord {
  event: CriEvent;
  json: string;
}

/** Where a later runtime tells more than is known here, `event_bytes` holds all of it beside what was understood. */
export function criEventOf(bytes: Buffer): CriEventRecord {
  const read = criEventCodec?.read(bytes);
  const event: CriEvent = read?.fields ?? {};
  const told = protoJson(event) as object;
  const json = JSON.stringify({
    containerId: '',
    containerEventType: 'CONTAINER_CREATED_EVENT',
    ...told,
    ...(!read?.isWhole && { event_bytes: bytes.toString('base64') }),
  });
  return { event, json };
}

/** Of a container, or of a sandbox. */
export function criStatusDocument({ status, info }: CriStatus, observedAt: Date): string {
  return JSON.stringify({ observedAt: observedAt.toISOString(), ...(protoJson({ status, info }) as object) });
}

/** crictl calls the image `status`. */
export function criImageDocument({ image, info }: CriImage, observedAt: Date): string {
  const status = { repoTags: [], repoDigests: [], ...image };
  return JSON.stringify({ observedAt: observedAt.toISOString(), ...(protoJson({ status, info }) as object) });
}
