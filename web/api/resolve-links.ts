// The two ends of a chain's links as places on the timeline: pure.
// An end is the id of a member (an event), of a finding, or of an entity; an entity has a lane but no time of its own,
// so it takes the time of the other end.
import type { ChainEntity, ChainLink, ChainMark, FindingMark, Lane, LinkEnd, ResolvedLink } from './types.ts';

interface Places {
  marks: readonly ChainMark[];
  findings: readonly FindingMark[];
  entities: readonly ChainEntity[];
  lanes: readonly Lane[];
}

export function resolveLinks(links: readonly ChainLink[], places: Places): ResolvedLink[] {
  const ends = new Map<string, LinkEnd>();
  for (const { id, lane, t, layer } of places.findings) ends.set(id, { lane, t, layer });
  for (const { id, lane, t, layer } of places.marks) ends.set(id, { lane, t, layer });
  const laneOf = new Map<string, string>();
  for (const entity of places.entities) {
    const lane = places.lanes.find((candidate) => isLaneOf(candidate, entity));
    if (lane) laneOf.set(entity.id, lane.id);
  }
  const endOf = (id: string, other: string): LinkEnd | null => {
    const known = ends.get(id);
    if (known) return known;
    const [lane, there] = [laneOf.get(id), ends.get(other)];
    return lane && there ? { ...there, lane } : null;
  };
  return links.map((link, n) => ({
    ...link,
    n,
    start: endOf(link.from, link.to),
    end: endOf(link.to, link.from),
  }));
}

function isLaneOf(lane: Lane, { id, kind, name }: ChainEntity): boolean {
  const own = lane.id.slice(lane.id.lastIndexOf('/') + 1);
  if (kind === 'node') return lane.kind === 'node' && (lane.name === name || own === id);
  if (kind === 'pod') return lane.kind === 'pod' && (id.endsWith(own) || `${lane.namespace}/${lane.name}` === name);
  if (kind !== 'container') return false;
  const ids = [own, ...lane.containers.map((container) => container.container_id)];
  return ids.some((candidate) => candidate !== '' && id.endsWith(candidate));
}
