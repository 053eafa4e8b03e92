// Documents of containerd's containers and images as records: `containerd-container`, as `ctr containers info` prints it, and
// `containerd-image`, both enclosed with when and where they were read.
import type { Container, Image, Mount, Task } from './containerd-api.ts';
import { anyJson, type ProtoAny, rfc3339, sorted } from './protobuf-json.ts';

export interface ReadAt {
  namespace: string;
  observedAt: Date;
}

/** @param task stands at the top, where decoders look for the pid of a container that runs */
export function containerDocument(container: Container, { namespace, observedAt }: ReadAt, task?: Task): string {
  const { id = '', runtime, spec, extensions } = container;
  const info = {
    ID: id,
    Labels: sorted(container.labels),
    Image: container.image,
    Runtime: runtime && { Name: runtime.name, Options: runtime.options && anyJson(runtime.options) },
    SnapshotKey: container.snapshot_key,
    Snapshotter: container.snapshotter,
    CreatedAt: rfc3339(container.created_at),
    UpdatedAt: rfc3339(container.updated_at),
    Extensions: mapped(sorted(extensions), anyJson),
    SandboxID: container.sandbox || undefined,
  };
  const head = {
    observedAt: observedAt.toISOString(),
    namespace,
    id,
    pid: task?.pid || undefined,
    status: task?.status,
  };
  const withSpec = spec ? `${JSON.stringify(info).slice(0, -1)},"Spec":${specJson(spec)}}` : JSON.stringify(info);
  return `${JSON.stringify(head).slice(0, -1)},"info":${withSpec}}`;
}

/** The specification is JSON already: it stands in the record as it was written. */
function specJson(spec: ProtoAny): string {
  const text = spec.value?.toString() ?? '';
  try {
    const parsed: unknown = JSON.parse(text);
    return text.includes('\n') ? JSON.stringify(parsed) : text; // a record is one line
  } catch {
    return JSON.stringify(anyJson(spec));
  }
}

function mapped<A, B>(map: Record<string, A> | undefined, to: (value: A) => B): Record<string, B> | undefined {
  if (map === undefined) return undefined;
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, to(value)]));
}

export function imageDocument(image: Image, { namespace, observedAt }: ReadAt): string {
  const { target = {} } = image;
  return JSON.stringify({
    observedAt: observedAt.toISOString(),
    namespace,
    info: {
      Name: image.name,
      Labels: sorted(image.labels),
      Target: {
        mediaType: target.media_type,
        digest: target.digest,
        size: Number(target.size ?? 0),
        annotations: sorted(target.annotations),
      },
      CreatedAt: rfc3339(image.created_at),
      UpdatedAt: rfc3339(image.updated_at),
    },
  });
}

/** The writable layer of a container on an overlay. */
export function upperDirectoryOf(mounts: readonly Mount[]): string | undefined {
  const prefix = 'upperdir=';
  const option = mounts.flatMap((mount) => mount.options ?? []).find((text) => text.startsWith(prefix));
  return option?.slice(prefix.length);
}
