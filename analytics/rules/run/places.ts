// Where an event happened and who did it, as the three layers together know it: from `events`, where it is written.
import { z } from 'zod';
import { type Store, sqlString } from '../../store/store.ts';
import type { Hit } from './scan.ts';

const Place = z.object({
  cluster: z.string(),
  event_id: z.string(),
  event_node: z.string(),
  node: z.string(),
  namespace: z.string(),
  pod: z.string(),
  pod_uid: z.string(),
  container_id: z.string(),
  process_key: z.string(),
  principal: z.string(),
});

type Known = Partial<Omit<z.infer<typeof Place>, 'cluster' | 'event_id' | 'event_node'>>;

// Ids travel in the text of the query: as parameters some hundred would not fit into the address of an HTTP request.
const sql = (ids: readonly string[]) => `
SELECT cluster, event_id, node AS event_node, node, namespace, pod, pod_uid, container_id, process_key, principal
FROM events FINAL
WHERE layer = {layer:String} AND event_id IN (${ids.map(sqlString).join(', ')})
  AND time BETWEEN parseDateTime64BestEffort({first:String}, 9, 'UTC') - INTERVAL 1 SECOND
               AND parseDateTime64BestEffort({last:String}, 9, 'UTC') + INTERVAL 1 SECOND`;

/** What `events` knows of each hit; nothing where it is not known, so that what the hit says itself stands. */
export async function placesOf(store: Store, layer: string, hits: readonly Hit[]): Promise<(hit: Hit) => Known> {
  const times = hits.map((hit) => hit.time).sort();
  const span = { first: times[0] ?? '', last: times.at(-1) ?? '' };
  const rows = await store.rows(sql(hits.map((hit) => hit.event_id)), { layer, ...span });
  const known = new Map<string, Known>();
  for (const row of z.array(Place).parse(rows)) {
    known.set([row.cluster, layer === 'k8s-audit' ? '' : row.event_node, row.event_id].join('\0'), knownOf(row));
  }
  return (hit) => known.get([hit.cluster, hit.node, hit.event_id].join('\0')) ?? {};
}

// Namespace, pod, container and process belong together: all of `events`, or all of what the hit says itself.
function knownOf({
  node,
  principal,
  namespace,
  pod,
  pod_uid,
  container_id,
  process_key,
}: z.infer<typeof Place>): Known {
  const placed = pod !== '' || container_id !== '' || process_key !== '';
  return {
    ...(node === '' ? {} : { node }),
    ...(principal === '' ? {} : { principal }),
    ...(placed ? { namespace, pod, pod_uid, container_id, process_key } : {}),
  };
}
