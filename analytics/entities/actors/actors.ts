// Who asked, and for whom: owners and workloads of pods, principals of every kind, the pod and process behind a request, and credentials
// used where they do not belong. Two steps of entities.ts: before processes are known, and after every event has its process.
import { z } from 'zod';
import { type DerivedTable, insertInParts, instant, type Put } from '../../store/derived.ts';
import type { Row, Store } from '../../store/store.ts';
import images from '../containers/images.sql';
import type { News } from '../news.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
import lateUses from './late-token-uses.sql';
import nodeAddresses from './node-addresses.sql';
import owners from './owners.sql';
import principals from './principals.sql';
import tokenPeers from './token-peers.sql';
import type { Peer, Way } from './token-scene.ts';
import { findTokenUses, type TokenUse } from './token-uses.ts';
import tokenWays from './token-ways.sql';
import ways from './ways.sql';
import workloads from './workloads.sql';

/** Keys of labels that say whose a pod is and how much it matters, the first to be found first. */
export interface ContextLabels {
  owner: readonly string[];
  team: readonly string[];
  sensitivity: readonly string[];
}

/** What is usual: labels of Kubernetes' own recommendation, and what most call theirs. */
export const CONTEXT_LABELS: ContextLabels = {
  owner: ['owner', 'app.kubernetes.io/part-of', 'app.kubernetes.io/managed-by'],
  team: ['team'],
  sensitivity: ['sensitivity', 'data-classification'],
};

/** Fills a table with what the statements select, and marks as gone what they no longer find. */
export type Fill = (table: DerivedTable, ...selects: string[]) => Promise<void>;

/** Needs containers. Fills pods and what is around them. */
export async function buildPodsAndPrincipals(fill: Fill, makePods: () => Promise<void>): Promise<void> {
  await fill('owners', owners);
  await fill('workloads', workloads);
  await fill('node_addresses', nodeAddresses);
  await makePods();
  await fill('ways', ways);
  await fill('principals', principals);
  await fill('images', images);
}

/** Needs ways and pods. */
export async function buildTokenUses(store: Store, put: Put, version: number, news: News): Promise<void> {
  if (!news.of(tokenWays, tokenPeers, lateUses)) return;
  const uses = findTokenUses(await readWays(store), await readPeers(store));
  const rows = await Promise.all(uses.map((use) => tokenUseRow(store, use, version)));
  await put('token_uses', (into) => insertInParts(store, into, rows));
}

const text = z.string();
const number = z.coerce.number();
const wayRow: z.ZodType<Way> = z.object({
  cluster: text,
  username: text,
  credential_id: text,
  pod_uid: text,
  peer: text,
  agent: text,
  first_seen: number,
  last_seen: number,
  requests: number,
  refused: number,
  days: number,
  first_digest: text,
  last_digest: text,
  namespace: text,
  pod: text,
  node: text,
  host_network: z.coerce.boolean(),
  ips: z.array(text),
  pod_ended_at: number,
});
const peerRow = z.object({
  cluster: text,
  peer: text,
  node: text,
  pods: z.array(z.tuple([number, number, text, text, text])),
  people: z.array(z.tuple([text, number])),
});

const SETTINGS = `${ENTITY_SETTINGS}, output_format_json_named_tuples_as_objects = 0`;

async function readWays(store: Store): Promise<Way[]> {
  return z.array(wayRow).parse(await store.rows(`${tokenWays} ${SETTINGS}`, {}, 'background'));
}

async function readPeers(store: Store): Promise<Peer[]> {
  const rows = z.array(peerRow).parse(await store.rows(`${tokenPeers} ${SETTINGS}`, {}, 'background'));
  return rows.map(({ pods: had, people, ...peer }) => ({
    ...peer,
    pods: had.map(([begins_at, ends_at, name, uid, account]) => ({ begins_at, ends_at, name, uid, account })),
    people: people.map(([name, since]) => ({ name, since })),
  }));
}

const lateRow = z.object({
  first_seen: number,
  last_seen: number,
  requests: number,
  refused: number,
  digests: z.array(text),
});

async function tokenUseRow(store: Store, use: TokenUse, version: number): Promise<Row> {
  const { of } = use;
  const all = {
    first_seen: use.first.first_seen,
    last_seen: use.last.last_seen,
    requests: use.requests,
    refused: use.refused,
    digests: [...new Set([use.first.first_digest, use.last.last_digest])],
  };
  // of a way that began while the pod lived, only what came after counts
  const counted = use.kind === 'after-end' && all.first_seen <= of.pod_ended_at ? await readLate(store, of) : all;
  return {
    cluster: of.cluster,
    kind: use.kind,
    username: of.username,
    credential_id: of.credential_id,
    pod_uid: of.pod_uid,
    namespace: of.namespace,
    pod: of.pod,
    node: of.node,
    address: of.peer,
    user_agents: use.agents,
    found_pod: use.found?.name ?? '',
    found_pod_uid: use.found?.uid ?? '',
    found_node: use.found_node,
    first_seen: instant(counted.first_seen),
    last_seen: instant(counted.last_seen),
    requests: counted.requests,
    refused: counted.refused,
    confidence: use.confidence,
    reason: use.reason,
    digests_hex: counted.digests,
    version,
  };
}

async function readLate(store: Store, of: Way): Promise<z.infer<typeof lateRow>> {
  const params = {
    cluster: of.cluster,
    username: of.username,
    credential: of.credential_id,
    pod_uid: of.pod_uid,
    peer: of.peer,
    ended_at: of.pod_ended_at,
  };
  const [row] = await store.rows(`${lateUses} ${SETTINGS}`, params, 'background');
  return lateRow.parse(row);
}
