import { type Arrival, addLink, createGraph, type EntityId, type EntityKind, keyOf, kindOf, reach } from './graph.ts';
import { followAddresses } from './grow-addresses.ts';
import { followFiles } from './grow-files.ts';
import { followKubelet } from './grow-kubelet.ts';
import { followIntoPods } from './grow-lateral.ts';
import { followLogins, followLoginsFrom } from './grow-logins.ts';
import { followContainers, followObjects } from './grow-objects.ts';
import { climb, descend } from './grow-processes.ts';
import { followConnections, followRequests } from './grow-requests.ts';
import {
  followEphemeral,
  followRuntimeExecs,
  followRuntimeSockets,
  followToAdder,
  followToClients,
} from './grow-runtime.ts';
import { followIssuedTokens, followPodTokens, followToReaders } from './grow-tokens.ts';
import { followToWebhook, followWebhooks } from './grow-webhooks.ts';
import { type Frontier, type Growth, remember, type Step } from './growth.ts';
import type { Lookup } from './lookup.ts';

/** A chain of real intrusions has some hundred entities; beyond this it has swallowed the cluster, and growth stops. */
const ENTITIES_MAX = 20_000;
const ROUNDS_MAX = 200;

export async function grow(
  lookup: Lookup,
  seeds: readonly EntityId[],
  suspicious: ReadonlySet<EntityId>,
  wrong: ReadonlySet<EntityId>,
): Promise<Growth> {
  const graph = createGraph();
  const growth = {
    lookup,
    graph,
    processes: new Map(),
    requests: new Map(),
    changedAt: new Map(),
    served: new Map(),
    suspicious,
    wrong,
  };
  for (const id of seeds) reach(growth.graph, { id, arrival: 'seed' });
  let frontier: Frontier = seeds.map((id) => ({ id, arrival: 'seed' as const }));
  for (let round = 0; frontier.length > 0 && round < ROUNDS_MAX; round++) {
    const next: { id: EntityId; arrival: Arrival }[] = [];
    for (const { link, reached, arrival } of await oneRound(growth, frontier)) {
      addLink(growth.graph, link);
      if (growth.graph.entities.size < ENTITIES_MAX && reach(growth.graph, { id: reached, arrival })) {
        next.push({ id: reached, arrival });
      }
    }
    frontier = next;
  }
  return growth;
}

async function oneRound(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const of = (kind: EntityKind) => frontier.filter((f) => kindOf(f.id) === kind);
  await loadFacts(growth, of('process'), of('request'));
  const steps: Step[] = [];
  for (const follow of [
    descend,
    climb,
    followConnections,
    followFiles,
    followPodTokens,
    followRuntimeSockets,
    followRuntimeExecs,
    followKubelet,
    followIntoPods,
    followLogins,
  ])
    steps.push(...(await follow(growth, of('process'))));
  for (const follow of [followRequests, followIssuedTokens, followToReaders, followEphemeral, followWebhooks])
    steps.push(...(await follow(growth, of('request'))));
  steps.push(...(await followObjects(growth, of('object'))));
  for (const follow of [followContainers, followToAdder, followToWebhook, followToClients])
    steps.push(...(await follow(growth, of('container'))));
  for (const follow of [followAddresses, followLoginsFrom]) steps.push(...(await follow(growth, of('address'))));
  return steps;
}

async function loadFacts(growth: Growth, processes: Frontier, requests: Frontier): Promise<void> {
  const unknown = processes.filter((p) => !growth.processes.has(p.id)).map((p) => keyOf(p.id));
  for (const facts of await growth.lookup.processes(unknown.map((k) => k.slice(k.indexOf('/') + 1))))
    remember(growth, facts);
  const unread = requests.filter((r) => !growth.requests.has(r.id)).map((r) => keyOf(r.id));
  for (const facts of await growth.lookup.requests(unread)) growth.requests.set(`request:${facts.audit_id}`, facts);
}
