// Which records make up a chain: core, what the intruder did; context, what cluster and runtime did because of it.
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { type EntityId, keyOf, kindOf } from './graph.ts';
import type { Growth } from './growth.ts';
import membersSql from './members.sql';
import type { Names } from './names.ts';

const text = z.string();
const memberRow = z.object({
  member_id: text,
  digest_hex: text,
  layer: text,
  at: text,
  role: z.enum(['core', 'context']),
  via_kind: text,
  via: text,
});

export interface Member {
  id: string;
  digest: string;
  layer: string;
  /** As the engine prints it: UTC, nanoseconds. */
  time: string;
  role: 'core' | 'context';
}

/** One query looks through all events once: components are asked for together, up to so many keys. */
const KEYS_PER_QUERY = 4_000;

/** Members of each component, in its order, from a table of chain-events.sql; in order of time; a record that is core and context is core. */
export async function membersOf(
  store: Store,
  cluster: string,
  events: string,
  growth: Growth,
  components: readonly (readonly EntityId[])[],
  names: Names,
): Promise<Member[][]> {
  const found: Member[][] = [];
  for (const together of packed(components)) {
    const keys = together.map((entities) => keysOf(growth, entities, names));
    found.push(...(await askTogether(store, cluster, events, keys)));
  }
  return found;
}

function packed(components: readonly (readonly EntityId[])[]): (readonly EntityId[])[][] {
  const packs: (readonly EntityId[])[][] = [];
  let room = 0;
  for (const component of components) {
    if (component.length > room) {
      packs.push([]);
      room = KEYS_PER_QUERY;
    }
    packs.at(-1)?.push(component);
    room -= component.length;
  }
  return packs;
}

/** By what records belong to one chain; the names are the parameters of members.sql. */
interface Keys {
  processes: string[];
  requests: string[];
  accepts: string[];
  containers: string[];
  exec_ids: string[];
  sessions: string[];
  objects: string[];
  names: string[];
}

function keysOf(growth: Growth, entities: readonly EntityId[], names: Names): Keys {
  const of = (kind: string) => entities.filter((e) => kindOf(e) === kind);
  const processes = of('process').flatMap((id) => growth.processes.get(id) ?? []);
  const objects = of('object').map(keyOf);
  const jobs = processes.filter((p) => p.container_id === '' && p.ses >= 0);
  return {
    processes: processes.map((p) => p.key),
    requests: of('request').map(keyOf),
    accepts: acceptsOf(growth, new Set(entities)),
    containers: of('container').map(keyOf),
    exec_ids: processes.map((p) => p.exec_id).filter((id) => id !== ''),
    sessions: [...new Set(jobs.map((p) => `${p.node}/${p.ses}`))],
    objects,
    names: objects.flatMap((uid) => names.objects.get(uid)?.path ?? []),
  };
}

/** Which list of keys a row's `via` is from, by its kind. */
const LISTS: Record<string, readonly (keyof Keys)[]> = {
  process: ['processes'],
  request: ['requests'],
  accept: ['accepts'],
  container: ['containers'],
  called: ['containers', 'exec_ids'],
  exec: ['exec_ids'],
  session: ['sessions'],
  object: ['objects', 'names'],
};

async function askTogether(
  store: Store,
  cluster: string,
  events: string,
  chains: readonly Keys[],
): Promise<Member[][]> {
  const all = (list: keyof Keys) => [...new Set(chains.flatMap((keys) => keys[list]))];
  const lists = ['processes', 'requests', 'accepts', 'containers', 'exec_ids', 'sessions', 'objects', 'names'] as const;
  const params = { cluster, ...Object.fromEntries(lists.map((list) => [list, all(list)])) };
  const rows = z
    .array(memberRow)
    .parse(await store.rows(membersSql.replaceAll('{events}', events), params, 'background'));
  const owners = ownersOf(chains);
  const members = chains.map(() => new Map<string, Member>());
  for (const row of rows) {
    for (const list of LISTS[row.via_kind] ?? []) {
      for (const chain of owners.get(`${list}\0${row.via}`) ?? []) {
        const known = members[chain]?.get(row.member_id);
        if (known?.role !== 'core') members[chain]?.set(row.member_id, memberOf(row));
      }
    }
  }
  return members.map((byId) => [...byId.values()].sort(inTime));
}

/** Chains (by place) that a key belongs to: an object or an address may stand in several. */
function ownersOf(chains: readonly Keys[]): Map<string, number[]> {
  const owners = new Map<string, number[]>();
  for (const [chain, keys] of chains.entries()) {
    for (const [list, values] of Object.entries(keys)) {
      for (const value of values as string[]) {
        const key = `${list}\0${value}`;
        owners.set(key, [...(owners.get(key) ?? []), chain]);
      }
    }
  }
  return owners;
}

const memberOf = (row: z.infer<typeof memberRow>): Member => ({
  id: row.member_id,
  digest: row.digest_hex,
  layer: row.layer,
  time: row.at,
  role: row.role,
});

const inTime = (a: Member, b: Member) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.id < b.id ? -1 : 1);

/** Digests of the accepted connections: the first proof of a link from an address to a process. */
function acceptsOf(growth: Growth, entities: ReadonlySet<EntityId>): string[] {
  return [...growth.graph.links.values()].flatMap((l) =>
    l.kind === 'connected' && kindOf(l.from) === 'address' && entities.has(l.from) ? l.digests.slice(0, 1) : [],
  );
}
