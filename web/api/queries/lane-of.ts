// Which lane of the timeline an event is drawn in, as SQL over the columns that `events` and `findings` share.
// A pod's containers share its lane; what no pod or container is known for belongs to the node or to the API.

/** Stands for the expression in the .sql files of this folder. */
const PLACE = 'lane_of_row';

const LANE = `multiIf(
    pod_uid != '', concat('pod:', cluster, '/', pod_uid),
    container_id != '', concat('container:', cluster, '/', container_id),
    layer = 'k8s-audit', concat('api:', cluster),
    concat('node:', cluster, '/', node))`;

export function withLane(sql: string): string {
  return sql.replaceAll(PLACE, LANE);
}

export const laneId = {
  pod: (cluster: string, uid: string) => `pod:${cluster}/${uid}`,
  container: (cluster: string, id: string) => `container:${cluster}/${id}`,
};
