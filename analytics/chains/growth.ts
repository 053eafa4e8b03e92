// What growth knows and says: shared by every way of following.
import { maskSecrets } from '../rules/run/mask-secrets.ts';
import type { ProcessFacts, RequestFacts } from './facts.ts';
import type { Arrival, EntityId, Graph, Link } from './graph.ts';
import type { Lookup } from './lookup.ts';

/** What growth knows so far: facts of every entity reached. */
export interface Growth {
  lookup: Lookup;
  graph: Graph;
  processes: Map<EntityId, ProcessFacts>;
  requests: Map<EntityId, RequestFacts>;
  /** Since when an object is the intruder's: of his making, or first changed by him; ms. */
  changedAt: Map<EntityId, number>;
  /** What a service, which waits for everybody, started for him, by the service's container. */
  served: Map<string, ProcessFacts[]>;
  /** Findings by the entity they are about: a neighbour that has one is less likely a bystander. */
  suspicious: ReadonlySet<EntityId>;
  /** Those of them that are more than a trifle. */
  wrong: ReadonlySet<EntityId>;
}

/** A step of growth: a link, and the entity at its new end with how it was come by. */
export interface Step {
  link: Link;
  reached: EntityId;
  arrival: Arrival;
}

/** One round's newly reached entities of one kind. */
export type Frontier = readonly { id: EntityId; arrival: Arrival }[];

export const processId = (p: { node: string; key: string }): EntityId => `process:${p.node}/${p.key}`;

export function remember(growth: Growth, facts: ProcessFacts): EntityId {
  const id = processId(facts);
  if (!growth.processes.has(id)) growth.processes.set(id, facts);
  return id;
}

/** The command line as a person would type it, cut to what a sentence can hold. */
export function commandOf(p: { argv: readonly string[]; comm: string }, lengthMax = 80): string {
  const line = maskSecrets(p.argv.length > 0 ? p.argv.join(' ') : p.comm);
  return line.length > lengthMax ? `${line.slice(0, lengthMax - 1)}…` : line;
}
