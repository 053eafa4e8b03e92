// What is known to be missing, and why.
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { likePattern, TIME_MAX, TIME_MIN } from './event-filter.ts';

const Gap = z.object({
  first_seen: z.string(),
  last_seen: z.string(),
  source: z.string(),
  cluster: z.string(),
  node: z.string(),
  kind: z.string(),
  collector: z.string(),
  stream: z.string(),
  /** The most records that can be missing; null when nobody can know. */
  missing: z.number().nullable(),
  detail: z.string(),
  digests: z.array(z.string()),
});
export type Gap = z.infer<typeof Gap>;

/** Names may hold `*` for any text; times are RFC 3339, and take gaps that overlap the time between them. */
export interface GapFilter {
  source?: string | undefined;
  cluster?: string | undefined;
  node?: string | undefined;
  /** Names, not patterns; none for all. '' is where no node has to do with it. */
  nodes?: readonly string[] | undefined;
  kind?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
  limit: number;
}

/** The newest first. */
export async function* listGaps(store: Store, filter: GapFilter): AsyncIterable<Gap> {
  const sql = `
    SELECT first_seen, last_seen, source, cluster, node, kind, collector, stream, if(g.missing < 0, NULL, g.missing) AS missing, detail,
      arrayMap(d -> lower(hex(d)), g.digests) AS digests
    FROM gaps AS g FINAL
    WHERE source LIKE {source:String} AND cluster LIKE {cluster:String} AND node LIKE {node:String}
      AND (empty({nodes:Array(String)}) OR node IN {nodes:Array(String)}) AND kind LIKE {kind:String}
      AND last_seen >= parseDateTime64BestEffort({since:String}, 9, 'UTC') AND first_seen < parseDateTime64BestEffort({until:String}, 9, 'UTC')
    ORDER BY last_seen DESC, first_seen DESC, source, cluster, node, kind, collector, stream
    LIMIT {limit:UInt64}`;
  const params = {
    source: likePattern(filter.source),
    cluster: likePattern(filter.cluster),
    node: likePattern(filter.node),
    nodes: filter.nodes ?? [],
    kind: likePattern(filter.kind),
    since: filter.since ?? TIME_MIN,
    until: filter.until ?? TIME_MAX,
    limit: filter.limit,
  };
  for await (const row of store.stream(sql, params)) yield Gap.parse(row);
}
