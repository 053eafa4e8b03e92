// The two ends of a chain's links as places on the timeline: pure.
// An end is the id of a member, of a finding or of an entity. An entity is where its events are: of a process or a
// request the event that proves the link, else the one next to the other end in time. What has no event of its own but a
// lane (a pod) is there from the other end on; what has neither (a CronJob) is where it was created. An address is a lane
// of its own.
import type { PlacedMark } from './queries/chain-marks.ts';
import type { ChainLink, FindingMark, Lane, LinkEnd, ResolvedLink } from './types.ts';

interface Places {
  marks: readonly PlacedMark[];
  findings: readonly FindingMark[];
  lanes: readonly Lane[];
}

// a CronJob made a Job made a pod made a container; nothing in Kubernetes goes much deeper
const OWNERS_MAX = 5;

export function resolveLinks(links: readonly ChainLink[], { marks, findings, lanes }: Places): ResolvedLink[] {
  const candidates = candidatesById(marks, findings);
  const laneOf = lanesByKey(lanes);
  const endOf = (id: string, link: ChainLink, near: LinkEnd | null): LinkEnd | null => {
    const known = candidates.get(id);
    if (known) return nearest(known, new Set(link.digests), near);
    const lane = id.startsWith('address:') ? id : laneOf.get(keyOf(id));
    return lane !== undefined && near ? inLane(lane, near, marks) : null;
  };
  const resolved = links.map((link, n) => {
    // what a link leads to is found first: it begins where it is proved, and what it came from is just before it
    const first = endOf(link.to, link, null);
    const start = endOf(link.from, link, first);
    return { ...link, n, start, end: first ?? endOf(link.to, link, start) };
  });
  for (let depth = 0; depth < OWNERS_MAX; depth++) {
    inheritStarts(resolved);
    // a pod that only an owner leads to had nothing to be placed by until its owner was
    for (const link of resolved) if (link.start) link.end ??= endOf(link.to, link, link.start);
  }
  return resolved;
}

/** What has no place begins its links where the link that leads to it begins. */
function inheritStarts(links: ResolvedLink[]): void {
  const origin = new Map<string, LinkEnd>();
  for (const { to, start, end } of links) if (start && !end) origin.set(to, start);
  for (const link of links) link.start ??= origin.get(link.from) ?? null;
}

function inLane(lane: string, near: LinkEnd, marks: readonly PlacedMark[]): LinkEnd {
  const after = marks.find((mark) => mark.lane === lane && mark.t >= near.t);
  return after ? endAt(after) : { ...near, lane };
}

interface Candidate extends LinkEnd {
  digest: string;
}

function candidatesById(marks: readonly PlacedMark[], findings: readonly FindingMark[]): Map<string, Candidate[]> {
  const byId = new Map<string, Candidate[]>();
  const add = (id: string, mark: Candidate) => {
    const known = byId.get(id);
    if (known) known.push(mark);
    else byId.set(id, [mark]);
  };
  for (const finding of findings) add(finding.id, { ...finding, step: 0 });
  for (const mark of marks) {
    add(mark.id, mark);
    if (mark.layer === 'k8s-audit') add(`request:${mark.id.split('/')[0]}`, mark);
    else if (mark.process_key !== '') add(`process:${mark.node}/${mark.process_key}`, mark);
    else if (mark.container_id !== '') add(`container:${mark.container_id}`, mark);
  }
  return byId;
}

/** Of the events of an entity: one that proves the link; else the last before `near`; else the first. */
function nearest(candidates: readonly Candidate[], proof: ReadonlySet<string>, near: LinkEnd | null): LinkEnd | null {
  const proving = candidates.filter((candidate) => proof.has(candidate.digest));
  const among = proving.length > 0 ? proving : candidates;
  const before = near && among.filter((candidate) => candidate.t <= near.t).at(-1);
  const chosen = before ?? among[0];
  return chosen ? endAt(chosen) : null;
}

const endAt = ({ lane, t, layer, step }: LinkEnd): LinkEnd => ({ lane, t, layer, step });

/** Lanes by what an entity's id ends with: pod uid, container id, name of a node. */
function lanesByKey(lanes: readonly Lane[]): Map<string, string> {
  const byKey = new Map<string, string>();
  for (const lane of lanes) {
    if (lane.kind === 'node') byKey.set(lane.name, lane.id);
    if (lane.kind === 'pod') byKey.set(lane.id.slice(lane.id.lastIndexOf('/') + 1), lane.id);
    for (const { container_id } of lane.containers) byKey.set(container_id, lane.id);
  }
  return byKey;
}

function keyOf(id: string): string {
  return id.slice(id.indexOf(':') + 1);
}
