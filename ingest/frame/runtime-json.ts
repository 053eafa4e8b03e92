// Records of container runtimes in JSON: events, and documents of containers and images; one object a record.
// What they hold: analytics/decode/runtime-*.sql.
import { keysOf } from './json-keys.ts';

export type RuntimeJson =
  | 'containerd-json'
  | 'containerd-image'
  | 'docker-event'
  | 'docker-container'
  | 'docker-image'
  | 'cri-event'
  | 'cri-container'
  | 'cri-sandbox'
  | 'cri-image'
  | 'podman-event'
  | 'podman-container'
  | 'podman-image';

// The first name in what the programs themselves write; shippers that sort names lead with others.
const HEAD_BYTES = 400;
const writtenHead =
  /^\{\s*"(?:(?:status|Type|Id|Name|name|info|containerId|container_id|timestamp|Timestamp|observedAt|ContainerExitCode)"\s*:|ID"\s*:\s*"[0-9a-f]{12})/;
const QUOTE = 0x22;
const FIRST_LETTERS = Buffer.from('sTINnictoC');
// One of these is among the first names of every such record, however it is sorted.
const candidate =
  /"(?:status|info|Type|Action|Actor|Id|ID|RepoTags|Config|Args|AppArmorProfile|Architecture|Attributes|BoundingCaps|ContainerExitCode|container_?[iI]d|containerEventType|container_event_type|containers_?[sS]tatuses|createdAt|created_at|Image|event|Event|timestamp|Timestamp|name|Name|target|labels|config)"\s*:/;
// An inspect document is some ten to fifty kilobytes, with very many mounts some hundred.
const SCANNED_BYTES = 1 << 20;

/** Whether the line begins as a runtime's own JSON does: then it is one before it is anything its labels mention. */
export function beginsAsRuntimeJson(line: Buffer): boolean {
  // an audit event of Kubernetes begins with "kind": it goes by without a look at text
  if (line[1] === QUOTE && !FIRST_LETTERS.includes(line[2] ?? 0)) return false;
  return writtenHead.test(line.toString('latin1', 0, 64));
}

export function runtimeJsonOf(line: Buffer): RuntimeJson | undefined {
  if (!candidate.test(line.toString('latin1', 0, HEAD_BYTES))) return undefined;
  const keys = keysOf(line, SCANNED_BYTES);
  const has = (...names: string[]) => names.some((name) => keys.has(name));
  // an object of the Kubernetes API has a status as well
  if (has('auditID', 'kind', 'apiVersion')) return undefined;
  return eventOf(line, has) ?? documentOf(has);
}

type Has = (...names: string[]) => boolean;

const dockerType = /"Type"\s*:\s*"(?:container|image|volume|network|daemon|plugin|service|node|secret|config|builder)"/;
const podmanType = /"Type"\s*:\s*"(?:container|image|pod|volume|network|system|machine|secret|artifact)"/;
const containerdTopic = /"[tT]opic"\s*:\s*"\/[a-z]/;

function eventOf(line: Buffer, has: Has): RuntimeJson | undefined {
  const says = (pattern: RegExp) => pattern.test(line.toString('latin1', 0, SCANNED_BYTES));
  if (has('Type') && has('Action') && has('Actor.ID', 'Actor.Attributes') && says(dockerType)) return 'docker-event';
  if (has('Type') && has('Status') && has('time', 'Time', 'timeNano') && !has('Action') && says(podmanType))
    return 'podman-event';
  if (
    has('timestamp', 'Timestamp') &&
    has('namespace', 'Namespace') &&
    has('topic', 'Topic') &&
    has('event', 'Event') &&
    says(containerdTopic)
  )
    return 'containerd-json';
  // proto3 leaves out what is zero: of a creation, the type
  const told = ['containerEventType', 'podSandboxStatus', 'containersStatuses'];
  const toldInSnake = ['container_event_type', 'pod_sandbox_status', 'containers_statuses'];
  if (has('containerId', 'container_id') && has(...told, ...toldInSnake)) return 'cri-event';
  return undefined;
}

function documentOf(has: Has): RuntimeJson | undefined {
  if (has('Id') && has('Config') && has('HostConfig') && has('State'))
    return has('OCIRuntime', 'ConmonPidFile', 'EffectiveCaps', 'IsInfra') ? 'podman-container' : 'docker-container';
  if (has('Id') && has('RepoTags') && has('RepoDigests') && !has('State'))
    return has('NamesHistory', 'ManifestType', 'History') ? 'podman-image' : 'docker-image';
  if (has('status.id') && has('status.repoTags', 'status.repo_tags', 'status.repoDigests', 'status.repo_digests'))
    return 'cri-image';
  if (has('status.id') && has('status.metadata') && has('status.createdAt', 'status.created_at'))
    return has('status.image', 'status.imageRef', 'status.image_ref') ? 'cri-container' : 'cri-sandbox';
  const named = has('name', 'Name') && has('target.digest', 'Target.digest');
  const enclosed = has('info.Name', 'info.name') && has('info.Target', 'info.target');
  if (named || enclosed) return 'containerd-image';
  return undefined;
}
