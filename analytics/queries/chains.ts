// Attack chains: the list by rank, and one with its links and members. Steps and entities are stored as JSON.
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { escapeLike, LIMIT_DEFAULT } from './event-filter.ts';

const Entity = z.object({ id: z.string(), kind: z.string(), name: z.string() });

const Step = z.object({
  n: z.number(),
  time: z.string().nullable(),
  tactic: z.string(),
  techniques: z.array(z.string()),
  sentence: z.string(),
  finding_ids: z.array(z.string()),
  digests: z.array(z.string()),
});

const json = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text) => JSON.parse(text) as unknown)
    .pipe(schema);

const Summary = z.object({
  id: z.string(),
  cluster: z.string(),
  title: z.string(),
  severity: z.string(),
  score: z.number(),
  first_seen: z.string().nullable(),
  last_seen: z.string().nullable(),
  tactics: z.array(z.string()),
  entities: json(z.array(Entity)),
  steps: json(z.array(Step)),
});

const Link = z.object({
  from: z.string(),
  to: z.string(),
  kind: z.string(),
  confidence: z.number(),
  reason: z.string(),
  digests: z.array(z.string()),
});

const Member = z.object({
  id: z.string(),
  digest: z.string(),
  layer: z.string(),
  time: z.string().nullable(),
  step: z.number(),
  role: z.string(),
});

export type ChainSummary = z.infer<typeof Summary>;
export type ChainStep = z.infer<typeof Step>;
export type ChainLink = z.infer<typeof Link>;

/** One chain whole (section 10 of the design): `from` and `to` of links are ids of members, findings or entities. */
export interface Chain extends ChainSummary {
  links: ChainLink[];
  members: z.infer<typeof Member>[];
}

const summarySql = (condition: string) => `
  SELECT id, cluster, title, severity, score, tactics, entities, steps,
    if(c.first_seen = toDateTime64(0, 9, 'UTC'), NULL, c.first_seen) AS first_seen,
    if(c.last_seen = toDateTime64(0, 9, 'UTC'), NULL, c.last_seen) AS last_seen
  FROM chains AS c FINAL WHERE ${condition}
  ORDER BY c.score DESC, c.first_seen, c.id LIMIT {limit:UInt64}`;

/** Chains by rank: first the one to read first. */
export async function listChains(store: Store, { limit = LIMIT_DEFAULT }: { limit?: number }): Promise<ChainSummary[]> {
  return z.array(Summary).parse(await store.rows(summarySql('1'), { limit }));
}

/** Chains whose id begins so, at most `limit`. */
export async function findChains(store: Store, idPrefix: string, limit: number): Promise<ChainSummary[]> {
  const rows = await store.rows(summarySql('c.id LIKE {prefix:String}'), { prefix: `${escapeLike(idPrefix)}%`, limit });
  return z.array(Summary).parse(rows);
}

/** The chains in which an event of this container is what the intruder did. */
export async function chainsOfContainer(store: Store, containerId: string, limit: number): Promise<ChainSummary[]> {
  const ofContainer = `c.id IN (
    SELECT chain_id FROM chain_members FINAL WHERE role = 'core' AND digest IN (
      SELECT digest FROM events FINAL WHERE container_id = {container:String}))`;
  return z.array(Summary).parse(await store.rows(summarySql(ofContainer), { container: containerId, limit }));
}

/** The chains in which an event of this pod is what the intruder did. */
export const chainsOfPod = (
  store: Store,
  of: { cluster: string; uid: string },
  limit: number,
): Promise<ChainSummary[]> =>
  chainsOfDigests(
    store,
    'SELECT digest FROM events FINAL WHERE cluster = {cluster:String} AND pod_uid = {uid:String}',
    of,
    limit,
  );

/** The chains in which one of these events is what the intruder did. @param digests a SELECT of the program's own, with its parameters */
export async function chainsOfDigests(
  store: Store,
  digests: string,
  params: { cluster: string } & Record<string, unknown>,
  limit: number,
): Promise<ChainSummary[]> {
  const among = `c.cluster = {cluster:String} AND c.id IN (
    SELECT chain_id FROM chain_members FINAL WHERE cluster = {cluster:String} AND role = 'core' AND digest IN (${digests}))`;
  return z.array(Summary).parse(await store.rows(summarySql(among), { ...params, limit }));
}

const linksSql = `
  SELECT from_id AS "from", to_id AS "to", kind, confidence, reason, arrayMap(d -> lower(hex(d)), l.digests) AS digests
  FROM chain_links AS l FINAL WHERE l.cluster = {cluster:String} AND l.chain_id = {id:String} ORDER BY l.n`;

const membersSql = `
  SELECT member_id AS id, lower(hex(m.digest)) AS digest, layer, step, role,
    if(m.time = toDateTime64(0, 9, 'UTC'), NULL, m.time) AS time
  FROM chain_members AS m FINAL WHERE m.cluster = {cluster:String} AND m.chain_id = {id:String}
  ORDER BY m.time, m.member_id, m.digest`;

/** The chain of exactly this id. */
export async function readChain(store: Store, id: string): Promise<Chain | undefined> {
  const [row] = await store.rows(summarySql('c.id = {id:String}'), { id, limit: 1 });
  if (!row) return undefined;
  const summary = Summary.parse(row);
  const of = { id, cluster: summary.cluster };
  const [links, members] = await Promise.all([store.rows(linksSql, of), store.rows(membersSql, of)]);
  return { ...summary, links: z.array(Link).parse(links), members: z.array(Member).parse(members) };
}
