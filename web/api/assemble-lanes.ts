// Lanes of the timeline out of pods, containers and activity: pure, so that their order can be tested.
import type { ChainTouch } from './queries/chain-marks.ts';
import { laneId } from './queries/lane-of.ts';
import type { ActivityRow, ContainerRow, PodRow } from './queries/lanes.ts';
import type { Lane, LaneKind, Lifetime } from './types.ts';

interface Parts {
  pods: readonly PodRow[];
  containers: readonly ContainerRow[];
  activity: readonly ActivityRow[];
  touches: readonly ChainTouch[];
}

/** Lanes of chains first, in the order the chain reached them; then the API, nodes, and pods in order of birth. */
export function assembleLanes({ pods, containers, activity, touches }: Parts): Lane[] {
  const lanes = new Map<string, Lane>();
  for (const pod of pods) {
    const id = laneId.pod(pod.cluster, pod.pod_uid);
    lanes.set(id, { ...emptyLane(id, 'pod', pod.cluster, pod.namespace, pod.pod), from: pod.from, to: pod.to });
  }
  for (const container of containers) addContainer(lanes, container);
  for (const row of activity) {
    const lane = lanes.get(row.lane) ?? laneOfActivity(row);
    lanes.set(lane.id, lane);
    lane.events[row.layer] = row.n;
  }
  const reached = new Map<string, number>();
  for (const { lane: id, chain, t } of touches) {
    const lane = lanes.get(id);
    if (!lane) continue;
    lane.chains.push(chain);
    reached.set(id, Math.min(t, reached.get(id) ?? t));
  }
  return [...lanes.values()].sort((a, b) => byChain(reached, a, b) || byKind(a, b) || byBirth(a, b));
}

function addContainer(lanes: Map<string, Lane>, row: ContainerRow): void {
  const inPod = row.pod_uid !== '';
  const id = inPod ? laneId.pod(row.cluster, row.pod_uid) : laneId.container(row.cluster, row.container_id);
  const name = inPod ? row.pod : row.container_name || row.container_id.slice(0, 12);
  const lane = lanes.get(id) ?? emptyLane(id, inPod ? 'pod' : 'container', row.cluster, row.namespace, name);
  lanes.set(id, lane);
  // a sandbox holds the pod's namespaces open and does nothing; its events count, its bar would only be in the way
  if (row.kind !== 'sandbox') lane.containers.push(lifetimeOf(row));
}

function lifetimeOf(row: ContainerRow): Lifetime {
  return {
    container_id: row.container_id,
    name: row.container_name || row.container_id.slice(0, 12),
    image: row.image,
    from: row.from,
    to: row.to,
    exit_status: row.exit_status < 0 ? null : row.exit_status,
  };
}

// A lane that only events know: the API, a node, or a pod whose row is not there (yet).
function laneOfActivity(row: ActivityRow): Lane {
  const kind = row.lane.slice(0, row.lane.indexOf(':')) as LaneKind;
  const last = row.lane.slice(row.lane.lastIndexOf('/') + 1);
  if (kind === 'api') return emptyLane(row.lane, kind, row.cluster, '', 'Kubernetes API');
  if (kind === 'node') return emptyLane(row.lane, kind, row.cluster, '', row.node_name || '(node not known)');
  return emptyLane(row.lane, kind, row.cluster, '', last.slice(0, 12));
}

function emptyLane(id: string, kind: LaneKind, cluster: string, namespace: string, name: string): Lane {
  return { id, kind, cluster, namespace, name, containers: [], from: null, to: null, events: {}, chains: [] };
}

function byChain(reached: ReadonlyMap<string, number>, a: Lane, b: Lane): number {
  const [x, y] = [reached.get(a.id) ?? Number.POSITIVE_INFINITY, reached.get(b.id) ?? Number.POSITIVE_INFINITY];
  return x === y ? 0 : x - y;
}

const rank: Record<LaneKind, number> = { address: 0, api: 0, node: 1, pod: 2, container: 2 };

function byKind(a: Lane, b: Lane): number {
  return rank[a.kind] - rank[b.kind];
}

function byBirth(a: Lane, b: Lane): number {
  return (a.from ?? 0) - (b.from ?? 0) || a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name);
}
