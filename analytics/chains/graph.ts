// The graph a chain is cut from: entities that an intruder's doing reached, and links that say how, each with its proof.

export type EntityKind = 'process' | 'request' | 'container' | 'object' | 'address';

/** `process:NODE/KEY`, `request:AUDIT_ID`, `container:ID`, `object:UID`, `address:IP`. */
export type EntityId = `${EntityKind}:${string}`;

export type LinkKind =
  | 'spawned' // a process and its parent
  | 'exec-session' // a request to exec and the process it started
  | 'ran-in' // a container and a process in it
  | 'login-session' // what was run in one login on a node
  | 'api-request' // a process and the request it made
  | 'created' // a request and the object it made
  | 'same-owner' // an object and what a controller made for it
  | 'wrote-then-ran' // a file written through a mount and the process that ran of it on the node
  | 'same-service' // two programs that one service started, both the intruder's
  | 'connected' // an address and who spoke with it
  | 'token-used' // a token and what was asked with it away from its place
  | 'same-credential'; // requests with one credential from one unusual place

export interface Link {
  from: EntityId;
  to: EntityId;
  kind: LinkKind;
  /** 0..1: 1 is certain. Coincidence of time or address alone stays below 0.8. */
  confidence: number;
  reason: string;
  /** Hex digests of the records that prove it. */
  digests: string[];
}

export const idOf = (kind: EntityKind, key: string): EntityId => `${kind}:${key}`;
export const keyOf = (id: EntityId): string => id.slice(id.indexOf(':') + 1);
export const kindOf = (id: EntityId): EntityKind => id.slice(0, id.indexOf(':')) as EntityKind;

/** How an entity came into the graph decides where growth goes on from it. */
export type Arrival =
  | 'seed' // a finding is about it: look both ways
  | 'onward' // what a reached entity did: look onward
  | 'backward'; // what led to a reached entity: look both ways, it is the intruder's too

export interface Reached {
  id: EntityId;
  arrival: Arrival;
}

export interface Graph {
  entities: Map<EntityId, Arrival>;
  links: Map<string, Link>;
}

export function createGraph(): Graph {
  return { entities: new Map(), links: new Map() };
}

/** Adds an entity; true when it is new. */
export function reach(graph: Graph, { id, arrival }: Reached): boolean {
  if (graph.entities.has(id)) return false;
  graph.entities.set(id, arrival);
  return true;
}

/** One link for each pair and kind: the surest stays. */
export function addLink(graph: Graph, link: Link): void {
  const key = `${link.from}\0${link.to}\0${link.kind}`;
  const known = graph.links.get(key);
  if (known === undefined || known.confidence < link.confidence) {
    graph.links.set(key, { ...link, digests: [...new Set(link.digests.filter((d) => d !== ''))] });
  }
}

/** Entities that links hold together: each group is one chain. Weak links (below `confidenceMin`) hold nothing. */
export function componentsOf(graph: Graph, confidenceMin: number): EntityId[][] {
  const parent = new Map<EntityId, EntityId>();
  const find = (x: EntityId): EntityId => {
    let root = x;
    for (let up = parent.get(root); up !== undefined && up !== root; up = parent.get(root)) root = up;
    return root;
  };
  for (const id of graph.entities.keys()) parent.set(id, id);
  for (const link of graph.links.values()) {
    if (link.confidence < confidenceMin || !parent.has(link.from) || !parent.has(link.to)) continue;
    parent.set(find(link.from), find(link.to));
  }
  const groups = new Map<EntityId, EntityId[]>();
  for (const id of graph.entities.keys()) {
    const root = find(id);
    groups.set(root, [...(groups.get(root) ?? []), id]);
  }
  return [...groups.values()];
}
