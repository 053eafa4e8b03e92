// Which pods come out otherwise: those that records of the API name, those of containers and workloads that changed or that the runtime tells of, and the
// other pods of their names, for pods of one name end one another. With the mirrors that static pods have in the API.
import type { Put } from '../../store/derived.ts';
import { withScratchTable } from '../../store/scratch.ts';
import type { Store } from '../../store/store.ts';
import { ALL_NEW, type News } from '../news.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
import pods from './pods.sql';

type Insert = (into: string, select: string) => Promise<void>;

/** Tables: cluster, pod_uid; cluster, namespace, pod of all names that these are called by anywhere. */
interface TouchedPods {
  uids: string;
  names: string;
}

export async function putPods(store: Store, put: Put, news: News, insert: Insert): Promise<void> {
  if (!news.of(pods)) return;
  const all = () => put('pods', (into) => insert(into, pods));
  if (await isOfAll(store, news)) return all();
  const run = (sql: string) => store.run(`${sql} ${ENTITY_SETTINGS}`, {}, 'background');
  return withScratchTable(store, 'touched_pods', '(cluster String, pod_uid String) ENGINE = Memory', (uids) =>
    withScratchTable(
      store,
      'touched_names',
      '(cluster String, namespace String, pod String) ENGINE = Memory',
      (names) =>
        withScratchTable(store, 'pods', 'AS pods', async (made) => {
          for (const sql of reach({ uids, names }, news)) await run(sql);
          await withScratchTable(store, 'requests', `${asked({ uids, names })} ${ENTITY_SETTINGS}`, (requests) =>
            insert(made, scoped({ uids, names }, requests)),
          );
          const among = `(cluster, pod_uid) IN (SELECT cluster, pod_uid FROM ${uids})`;
          const [other] = await store.rows(
            `SELECT 1 FROM pods FINAL WHERE (cluster, namespace, pod) IN (SELECT cluster, namespace, pod FROM ${made}) AND NOT ${among} LIMIT 1`,
            {},
            'background',
          );
          // one that came by another name has other neighbours
          if (other !== undefined) return all();
          await put('pods', (into) => store.run(`INSERT INTO ${into} SELECT * FROM ${made}`, {}, 'background'), among);
        }),
    ),
  );
}

/** Everything is made anew, or a record is about many pods: of a node, or of a namespace. */
async function isOfAll(store: Store, news: News): Promise<boolean> {
  if (news === ALL_NEW) return true;
  if (!news.has('k8s_audit')) return false;
  const sql = `
    SELECT 1 FROM k8s_audit
    WHERE ${news.typed.k8s_audit}
      AND (resource = 'pods' AND verb = 'deletecollection' OR resource = 'nodes' AND verb = 'delete' OR resource = 'namespaces' AND notEmpty(labels))
    LIMIT 1`;
  return (await store.rows(sql, {}, 'background')).length > 0;
}

function reach({ uids, names }: TouchedPods, news: News): string[] {
  const own = (column: string) => `(cluster, ${column}) IN (SELECT cluster, pod_uid FROM ${uids})`;
  const mirrors = `
    INSERT INTO ${uids} SELECT DISTINCT cluster, arrayJoin([object_uid, config_hash]) FROM k8s_audit
    WHERE resource = 'pods' AND config_hash != '' AND (${own('object_uid')} OR ${own('config_hash')})`;
  const named = `
    INSERT INTO ${names} SELECT cluster, namespace, pod FROM containers WHERE ${own('pod_uid')}
    UNION ALL SELECT cluster, namespace, pod FROM pods WHERE ${own('pod_uid')}
    UNION ALL SELECT DISTINCT cluster, namespace, name FROM k8s_audit WHERE resource = 'pods' AND ${own('object_uid')}`;
  const insert = (into: string, selects: string[]) =>
    selects.length === 0 ? [] : [`INSERT INTO ${into} ${selects.join(' UNION ALL ')}`];
  return [
    ...insert(uids, changed(news)),
    ...insert(names, calledBy(news)),
    mirrors,
    named,
    `INSERT INTO ${uids} SELECT DISTINCT cluster, pod_uid FROM pods FINAL WHERE (cluster, namespace, pod) IN (SELECT cluster, namespace, pod FROM ${names})`,
    mirrors,
    named,
  ];
}

/** Pods by what changed. */
function changed(news: News): string[] {
  const containers = news.rows('containers', 'cluster, pod_uid', "pod_uid != ''");
  const workloads = news.rows('workloads', 'cluster, uid');
  const owned = (uids: string) => `SELECT DISTINCT cluster, pod_uid FROM pods WHERE (cluster, owner_uid) IN (${uids})`;
  return [
    ...(containers === undefined ? [] : [`SELECT DISTINCT cluster, pod_uid FROM ${containers}`]),
    ...(workloads === undefined ? [] : [owned(`SELECT cluster, uid FROM ${workloads}`)]),
    ...(news.has('runtime')
      ? [
          `SELECT DISTINCT cluster, pod_uid FROM containers WHERE pod_uid != '' AND (cluster, node, container_id) IN
             (SELECT cluster, node, container_id FROM runtime WHERE container_id != '' AND ${news.typed.runtime})`,
        ]
      : []),
    ...(news.has('k8s_audit')
      ? [
          `SELECT DISTINCT cluster, object_uid FROM k8s_audit WHERE resource = 'pods' AND object_uid != '' AND ${news.typed.k8s_audit}`,
          // who changed the workload before a pod was made
          owned(`SELECT cluster, uid FROM workloads WHERE (cluster, workload_name) IN
            (SELECT cluster, name FROM k8s_audit WHERE verb IN ('update', 'patch') AND resource NOT IN ('pods', 'events', 'leases') AND name != '' AND ${news.typed.k8s_audit})`),
        ]
      : []),
  ];
}

/** Where bodies were not kept a request says the name alone; a container may have been another pod's. */
function calledBy(news: News): string[] {
  const containers = news.rows('containers', 'cluster, namespace, pod', "pod_uid != ''");
  return [
    ...(containers === undefined ? [] : [`SELECT DISTINCT cluster, namespace, pod FROM ${containers}`]),
    ...(news.has('k8s_audit')
      ? [
          `SELECT DISTINCT cluster, namespace, name FROM k8s_audit WHERE resource = 'pods' AND name != '' AND ${news.typed.k8s_audit}`,
        ]
      : []),
  ];
}

/** All that the API tells of these, read once. The key is looked up first, by all versions of a row and few columns: FINAL then reads the rest of those alone. */
const asked = ({ uids, names }: TouchedPods): string => `
  ENGINE = Memory AS SELECT * FROM k8s_audit FINAL WHERE (cluster, time) IN
  (
      SELECT cluster, time FROM k8s_audit
      WHERE resource = 'pods' AND ((cluster, object_uid) IN (SELECT cluster, pod_uid FROM ${uids}) OR (cluster, namespace, name) IN (SELECT cluster, namespace, pod FROM ${names}))
         OR (verb = 'deletecollection' OR verb IN ('update', 'patch') AND subresource IN ('', 'scale') AND resource NOT IN ('pods', 'events', 'leases'))
            AND (cluster, namespace) IN (SELECT cluster, namespace FROM ${names})
         OR resource = 'namespaces' AND (cluster, name) IN (SELECT cluster, namespace FROM ${names})
         OR resource = 'nodes' AND verb = 'delete'
  )`;

/** @param requests table of what `asked` selects */
function scoped({ uids, names }: TouchedPods, requests: string): string {
  const among: Record<string, string> = {
    pod: `SELECT cluster, pod_uid FROM ${uids}`,
    name: `SELECT cluster, namespace, pod FROM ${names}`,
    space: `SELECT cluster, namespace FROM ${names}`,
  };
  return pods
    .replaceAll('k8s_audit FINAL', requests)
    .replaceAll(
      /\/\*scope (\w+) (\([^)]*\))\*\/ 1/g,
      (_, name: string, columns: string) => `${columns} IN (${among[name]})`,
    );
}
