// Where an event happened and who did it, as the three layers together know it: from `events`, where it is written.
import { z } from 'zod';
import type { Store } from '../store/store.ts';
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

const SQL = `
SELECT cluster, event_id, node AS event_node, node, namespace, pod, pod_uid, container_id, process_key, principal
FROM events FINAL
WHERE layer = {layer:String} AND event_id IN {ids:Array(String)}
  AND time BETWEEN parseDateTime64BestEffort({first:String}, 9, 'UTC') - INTERVAL 1 SECOND
               AND parseDateTime64BestEffort({last:String}, 9, 'UTC') + INTERVAL 1 SECOND`;

/** What `events` knows of each hit; nothing where it is not known, so that what the hit says itself stands. */
export async function placesOf(store: Store, layer: string, hits: readonly Hit[]): Promise<(hit: Hit) => Known> {
  const times = hits.map((hit) => hit.time).sort();
  const ids = hits.map((hit) => hit.event_id);
  const rows = await store.rows(SQL, { layer, ids, first: times[0] ?? '', last: times.at(-1) ?? '' });
  const known = new Map<string, Known>();
  for (const row of z.array(Place).parse(rows)) {
    const { cluster, event_id, event_node, ...place } = row;
    const filled = Object.fromEntries(Object.entries(place).filter(([, value]) => value !== ''));
    for (const node of layer === 'k8s-audit' ? [''] : [event_node])
      known.set([cluster, node, event_id].join('\0'), filled);
  }
  return (hit) => known.get([hit.cluster, hit.node, hit.event_id].join('\0')) ?? {};
}
