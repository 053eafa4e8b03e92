// Chains into their tables. A chain keeps its id as it grows: ids are remembered by the events of its findings.
import { z } from 'zod';
import { forgetOlder, insertInParts } from '../store/derived.ts';
import type { Row, Store } from '../store/store.ts';
import { type Chain, firstIdOf } from './chain.ts';

const TABLES = ['chains', 'chain_links', 'chain_members'] as const;

export async function writeChains(store: Store, chains: readonly Chain[], version: number): Promise<void> {
  const ids = await giveIds(store, chains, version);
  const rows = (of: (chain: Chain, id: string) => Row[]) => [...ids].flatMap(([chain, id]) => of(chain, id));
  await insertInParts(
    store,
    'chains',
    rows((chain, id) => [chainRow(chain, id, version)]),
  );
  await insertInParts(
    store,
    'chain_links',
    rows((chain, id) => linkRows(chain, id, version)),
  );
  await insertInParts(
    store,
    'chain_members',
    rows((chain, id) => memberRows(chain, id, version)),
  );
  for (const table of TABLES) await forgetOlder(store, table, version);
}

/** The id that most of its events already carry, each id once; else a new one. */
async function giveIds(store: Store, chains: readonly Chain[], version: number): Promise<Map<Chain, string>> {
  const given = z
    .array(z.object({ cluster: z.string(), event_key: z.string(), chain_id: z.string() }))
    .parse(await store.rows('SELECT cluster, event_key, chain_id FROM chain_ids FINAL', {}, 'background'));
  const known = new Map(given.map((g) => [`${g.cluster}\0${g.event_key}`, g.chain_id]));
  const wishes = chains.flatMap((chain) => [...votes(chain, known)].map(([id, count]) => ({ chain, id, count })));
  const ids = new Map<Chain, string>();
  const taken = new Set<string>();
  for (const { chain, id } of wishes.sort((a, b) => b.count - a.count)) {
    if (ids.has(chain) || taken.has(id)) continue;
    ids.set(chain, id);
    taken.add(id);
  }
  for (const chain of chains) if (!ids.has(chain)) ids.set(chain, unused(firstIdOf(chain), taken));
  await remember(store, ids, version);
  return ids;
}

function votes(chain: Chain, known: ReadonlyMap<string, string>): Map<string, number> {
  const count = new Map<string, number>();
  for (const f of chain.findings) {
    const id = known.get(`${chain.cluster}\0${f.event_key}`);
    if (id !== undefined) count.set(id, (count.get(id) ?? 0) + 1);
  }
  return count;
}

function unused(id: string, taken: Set<string>): string {
  let free = id;
  for (let n = 2; taken.has(free); n++) free = `${id}-${n}`;
  taken.add(free);
  return free;
}

async function remember(store: Store, ids: ReadonlyMap<Chain, string>, version: number): Promise<void> {
  const rows = [...ids].flatMap(([chain, chain_id]) =>
    [...new Set(chain.findings.map((f) => f.event_key))].map((event_key) => ({
      cluster: chain.cluster,
      event_key,
      chain_id,
      given_at: new Date(version).toISOString().replace('Z', ''),
      version,
    })),
  );
  await insertInParts(store, 'chain_ids', rows);
}

function chainRow(chain: Chain, id: string, version: number): Row {
  const core = chain.members.filter((m) => m.role === 'core');
  return {
    cluster: chain.cluster,
    id,
    title: chain.title,
    severity: chain.severity,
    score: chain.score,
    first_seen: core[0]?.time ?? chain.members[0]?.time ?? '1970-01-01 00:00:00',
    last_seen: core.at(-1)?.time ?? chain.members.at(-1)?.time ?? '1970-01-01 00:00:00',
    tactics: chain.tactics,
    entities: JSON.stringify(chain.entities),
    steps: JSON.stringify(chain.steps),
    version,
  };
}

function linkRows(chain: Chain, id: string, version: number): Row[] {
  return chain.links.map((link, n) => ({
    cluster: chain.cluster,
    chain_id: id,
    n,
    from_id: link.from,
    to_id: link.to,
    kind: link.kind,
    confidence: link.confidence,
    reason: link.reason,
    digests_hex: link.digests,
    version,
  }));
}

function memberRows(chain: Chain, id: string, version: number): Row[] {
  return chain.members.map((m) => ({
    cluster: chain.cluster,
    chain_id: id,
    digest_hex: m.digest,
    member_id: m.id,
    layer: m.layer,
    time: m.time,
    step: m.step,
    role: m.role,
    version,
  }));
}
