// Which records make up a chain: core, what the intruder did; context, what cluster and runtime did because of it.
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { type EntityId, keyOf, kindOf } from './graph.ts';
import type { Growth } from './growth.ts';
import membersSql from './members.sql';

const text = z.string();
const memberRow = z.object({
  member_id: text,
  digest_hex: text,
  layer: text,
  at: text,
  role: z.enum(['core', 'context']),
  process_key: text,
  audit_id: text,
});

export interface Member {
  id: string;
  digest: string;
  layer: string;
  /** As the engine prints it: UTC, nanoseconds. */
  time: string;
  role: 'core' | 'context';
  /** The entity it belongs to, where it belongs to one. */
  entity: EntityId | undefined;
}

/** Members of one chain, in order of time; a record that is core and context is core. */
export async function membersOf(
  store: Store,
  cluster: string,
  growth: Growth,
  entities: readonly EntityId[],
): Promise<Member[]> {
  const of = (kind: string) => entities.filter((e) => kindOf(e) === kind);
  const processes = of('process').flatMap((id) => growth.processes.get(id) ?? []);
  const byKey = new Map(of('process').map((id) => [keyOf(id).slice(keyOf(id).indexOf('/') + 1), id]));
  const rows = z.array(memberRow).parse(
    await store.rows(
      membersSql,
      {
        cluster,
        processes: [...byKey.keys()],
        requests: of('request').map(keyOf),
        accepts: acceptsOf(growth, new Set(entities)),
        containers: of('container').map(keyOf),
        exec_ids: processes.map((p) => p.exec_id).filter((id) => id !== ''),
        sessions: [...new Set(processes.filter((p) => p.container_id === '' && p.ses >= 0).map((p) => p.ses))],
        objects: of('object').map(keyOf),
        names: await namesOf(growth, of('object').map(keyOf)),
      },
      'background',
    ),
  );
  const members = new Map<string, Member>();
  for (const row of rows) {
    const known = members.get(row.member_id);
    if (known?.role === 'core') continue;
    members.set(row.member_id, {
      id: row.member_id,
      digest: row.digest_hex,
      layer: row.layer,
      time: row.at,
      role: row.role,
      entity: row.audit_id !== '' ? `request:${row.audit_id}` : byKey.get(row.process_key),
    });
  }
  return [...members.values()].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.id < b.id ? -1 : 1));
}

/** Digests of the accepted connections: the first proof of a link from an address to a process. */
function acceptsOf(growth: Growth, entities: ReadonlySet<EntityId>): string[] {
  return [...growth.graph.links.values()].flatMap((l) =>
    l.kind === 'connected' && kindOf(l.from) === 'address' && entities.has(l.from) ? l.digests.slice(0, 1) : [],
  );
}

async function namesOf(growth: Growth, uids: readonly string[]): Promise<string[]> {
  const objects = await growth.lookup.ownersOf(uids);
  return [...new Set(objects.filter((o) => o.name !== '').map((o) => `${o.namespace}/${o.name}`))];
}
