// What is known to be missing, and why.
import { z } from 'zod';
import type { Store } from '../store/store.ts';

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

/** The newest first. */
export async function* listGaps(
  store: Store,
  filter: { source?: string; node?: string; limit: number },
): AsyncIterable<Gap> {
  const sql = `
    SELECT first_seen, last_seen, source, cluster, node, kind, collector, stream, if(g.missing < 0, NULL, g.missing) AS missing, detail,
      arrayMap(d -> lower(hex(d)), g.digests) AS digests
    FROM gaps AS g FINAL
    WHERE ({source:String} = '' OR source = {source:String}) AND ({node:String} = '' OR node = {node:String})
    ORDER BY last_seen DESC, source, node, kind, stream
    LIMIT {limit:UInt64}`;
  const params = { source: filter.source ?? '', node: filter.node ?? '', limit: filter.limit };
  for await (const row of store.stream(sql, params)) yield Gap.parse(row);
}
