// What lanes are made of: pods, containers, and what happened where.
import { z } from 'zod';
import type { Store } from '../../../analytics/store/store.ts';
import { withLane } from './lane-of.ts';
import { Count, KnownInstant, Layer } from './row.ts';

const PodRow = z.object({
  cluster: z.string(),
  pod_uid: z.string(),
  namespace: z.string(),
  pod: z.string(),
  from: KnownInstant,
  to: KnownInstant,
});
const ContainerRow = z.object({
  cluster: z.string(),
  container_id: z.string(),
  kind: z.string(),
  container_name: z.string(),
  namespace: z.string(),
  pod: z.string(),
  pod_uid: z.string(),
  image: z.string(),
  from: KnownInstant,
  to: KnownInstant,
  exit_status: z.number(),
});
const ActivityRow = z.object({ lane: z.string(), cluster: z.string(), node_name: z.string(), layer: Layer, n: Count });

export type PodRow = z.infer<typeof PodRow>;
export type ContainerRow = z.infer<typeof ContainerRow>;
export type ActivityRow = z.infer<typeof ActivityRow>;

export interface LaneFilter {
  from: number;
  to: number;
  cluster: string;
}

const inCluster = "({cluster:String} = '' OR cluster = {cluster:String})";
const ms = (column: string) => `toUnixTimestamp64Micro(${column}) / 1000`;
// an end that is not known never hides a lane
const alive = (start: string, end: string) =>
  `${start} <= fromUnixTimestamp64Micro({to:Int64}) AND (toUnixTimestamp(${end}) = 0 OR ${end} >= fromUnixTimestamp64Micro({from:Int64}))`;

export async function readPods(store: Store, filter: LaneFilter): Promise<PodRow[]> {
  const rows = await store.rows(
    `SELECT cluster, pod_uid, namespace, pod,
       ${ms('if(toUnixTimestamp(created_at) = 0, first_seen, created_at)')} AS from, ${ms('ended_at')} AS to
     FROM pods FINAL WHERE ${inCluster} AND ${alive('first_seen', 'last_seen')}`,
    paramsOf(filter),
  );
  return rows.map((row) => PodRow.parse(row));
}

export async function readContainers(store: Store, filter: LaneFilter): Promise<ContainerRow[]> {
  const rows = await store.rows(
    `SELECT cluster, container_id, kind, container_name, namespace, pod, pod_uid, image, exit_status,
       ${ms('if(toUnixTimestamp(started_at) = 0, created_at, started_at)')} AS from, ${ms('ended_at')} AS to
     FROM containers FINAL WHERE ${inCluster} AND ${alive('created_at', 'ended_at')} ORDER BY started_at`,
    paramsOf(filter),
  );
  return rows.map((row) => ContainerRow.parse(row));
}

/** How many events of each layer each lane has. */
export async function readActivity(store: Store, filter: LaneFilter): Promise<ActivityRow[]> {
  const rows = await store.rows(
    withLane(`SELECT lane_of_row AS lane, cluster, anyLast(events.node) AS node_name, layer, count() AS n
     FROM events FINAL
     WHERE ${inCluster} AND time >= fromUnixTimestamp64Micro({from:Int64}) AND time <= fromUnixTimestamp64Micro({to:Int64})
     GROUP BY lane, cluster, layer ORDER BY lane, layer`),
    paramsOf(filter),
  );
  return rows.map((row) => ActivityRow.parse(row));
}

function paramsOf({ from, to, cluster }: LaneFilter) {
  return { from: Math.floor(from * 1000), to: Math.ceil(to * 1000), cluster };
}
