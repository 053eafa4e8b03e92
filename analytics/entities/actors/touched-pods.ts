// Which pods come out otherwise where no record of the API, of a runtime or of workloads came: those of containers that did, and the other pods of their
// names, for pods of one name end one another. With the mirrors that static pods have in the API.
import type { Put } from '../../store/derived.ts';
import { withScratchTable } from '../../store/scratch.ts';
import type { Store } from '../../store/store.ts';
import type { News } from '../news.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
import pods from './pods.sql';

type Insert = (into: string, select: string) => Promise<void>;

export async function putPods(store: Store, put: Put, news: News, insert: Insert): Promise<void> {
  if (!news.of(pods)) return;
  const changed = news.rows('containers', 'cluster, namespace, pod, pod_uid', "pod_uid != ''");
  if (changed === undefined || ['k8s_audit', 'runtime', 'workloads'].some((table) => news.has(table)))
    return put('pods', (into) => insert(into, pods));
  return withScratchTable(store, 'touched_pods', '(cluster String, pod_uid String) ENGINE = Memory', async (uids) => {
    for (const select of reached(uids, changed))
      await store.run(`INSERT INTO ${uids} ${select} ${ENTITY_SETTINGS}`, {}, 'background');
    const among = (column: string) => `(cluster, ${column}) IN (SELECT cluster, pod_uid FROM ${uids})`;
    const key = `(cluster, time) IN (SELECT cluster, time FROM k8s_audit WHERE resource = 'pods' AND ${among('object_uid')})`;
    const select = pods
      .replaceAll('/*scope pod (cluster, object_uid)*/ 1', () => `${key} AND ${among('object_uid')}`)
      .replaceAll('/*scope pod (cluster, pod_uid)*/ 1', () => among('pod_uid'));
    return withScratchTable(store, 'pods', 'AS pods', async (made) => {
      await insert(made, select);
      const [other] = await store.rows(
        `SELECT 1 FROM pods FINAL WHERE (cluster, namespace, pod) IN (SELECT cluster, namespace, pod FROM ${made}) AND NOT ${among('pod_uid')} LIMIT 1`,
        {},
        'background',
      );
      const write = (into: string) => store.run(`INSERT INTO ${into} SELECT * FROM ${made}`, {}, 'background');
      // one that came by another name has other neighbours
      if (other === undefined) await put('pods', write, among('pod_uid'));
      else await put('pods', (into) => insert(into, pods));
    });
  });
}

function reached(uids: string, changed: string): string[] {
  const own = (column: string) => `(cluster, ${column}) IN (SELECT cluster, pod_uid FROM ${uids})`;
  const mirrors = `
    SELECT DISTINCT cluster, arrayJoin([object_uid, config_hash]) FROM k8s_audit
    WHERE resource = 'pods' AND config_hash != '' AND (${own('object_uid')} OR ${own('config_hash')})`;
  return [
    `SELECT DISTINCT cluster, pod_uid FROM ${changed}`,
    mirrors,
    // of each name that they are called by anywhere
    `WITH names AS
     (
         SELECT cluster, namespace, pod FROM ${changed}
         UNION ALL SELECT cluster, namespace, pod FROM containers WHERE ${own('pod_uid')}
         UNION ALL SELECT cluster, namespace, pod FROM pods WHERE ${own('pod_uid')}
         UNION ALL SELECT cluster, namespace, name FROM k8s_audit WHERE resource = 'pods' AND ${own('object_uid')}
     )
     SELECT DISTINCT cluster, pod_uid FROM pods FINAL WHERE (cluster, namespace, pod) IN (SELECT * FROM names)`,
    mirrors,
  ];
}
