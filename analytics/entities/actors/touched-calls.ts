// Connections to API servers, and the requests that came by them: which are made again. An event's connection, where the event, its process or its
// container's pod is known otherwise now; of a pod's first contacts those around which such an event lies; a request where its pod or the connection before it
// changed. Everything, where an address came to be an API server's or a node's.
import { isOutside } from '../../networks.ts';
import type { Put } from '../../store/derived.ts';
import { withScratchTable } from '../../store/scratch.ts';
import type { Store } from '../../store/store.ts';
import type { News } from '../news.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
import apiConnections from './api-connections.sql';
import apiContacts from './api-contacts.sql';
import apiServers from './api-servers.sql';
import callersSql from './callers.sql';
import callersOfNode from './callers-of-node.sql';

const callers = callersSql.replaceAll(/\/\*outside (\S+)\*\//g, (_, ip: string) => `(${isOutside(ip)})`);

type Insert = (into: string, ...selects: string[]) => Promise<void>;

interface Run {
  store: Store;
  put: Put;
  news: News;
  insert: Insert;
  /** Table: cluster, node, time, serial of events that may be another's; undefined: all. */
  events: string | undefined;
}

export async function putCalls(run: Run): Promise<void> {
  await putContacts(run);
  await putServers(run);
  await putConnections(run);
  await putCallers(run);
}

const eventsOf = (table: string) =>
  `(cluster, node, time, serial) IN (SELECT cluster, node, time, serial FROM ${table})`;

async function putContacts({ store, put, news, insert, events }: Run): Promise<void> {
  if (!news.of(apiContacts)) return;
  if (events === undefined) return put('api_contacts', (into) => insert(into, apiContacts));
  await withScratchTable(
    store,
    'touched_contacts',
    '(cluster String, pod_uid String) ENGINE = Memory',
    async (pods) => {
      const was = news.rows('attributions', 'cluster, node, time, container_id', "container_id != ''");
      const near = `
      WITH
          places AS
          (
              SELECT cluster, node, time, container_id FROM attributions WHERE container_id != '' AND ${eventsOf(events)}
              ${was === undefined ? '' : `UNION ALL SELECT * FROM ${was}`}
          ),
          firsts AS (SELECT cluster, user_pod_uid AS uid, min(first_seen) AS seen FROM ways FINAL WHERE user_pod_uid != '' GROUP BY cluster, user_pod_uid)
      SELECT DISTINCT c.cluster, c.pod_uid FROM places AS p
      INNER JOIN (SELECT cluster, node, container_id, pod_uid FROM containers WHERE pod_uid != '') AS c
          ON p.cluster = c.cluster AND p.node = c.node AND p.container_id = c.container_id
      INNER JOIN firsts AS f ON f.cluster = c.cluster AND f.uid = c.pod_uid
      WHERE p.time BETWEEN f.seen - INTERVAL 5 SECOND AND f.seen + INTERVAL 100 MILLISECOND`;
      const told = [
        news.rows('ways', 'cluster, user_pod_uid AS pod_uid', "user_pod_uid != ''"),
        news.rows('containers', 'cluster, pod_uid', "pod_uid != ''"),
      ];
      for (const select of [near, ...told.flatMap((rows) => (rows === undefined ? [] : [`SELECT * FROM ${rows}`]))])
        await store.run(`INSERT INTO ${pods} ${select} ${ENTITY_SETTINGS}`, {}, 'background');
      const among = (column: string) => `(cluster, ${column}) IN (SELECT cluster, pod_uid FROM ${pods})`;
      const select = apiContacts.replaceAll(/\/\*scope pod \(cluster, (\w+)\)\*\/ 1/g, (_, column: string) =>
        among(column),
      );
      await put('api_contacts', (into) => insert(into, select), among('pod_uid'));
    },
  );
}

/** Few records and processes tell where a server is. */
async function putServers({ store, put, news, insert, events }: Run): Promise<void> {
  if (!news.of(apiServers)) return;
  const isServer = "has(arrayMap(a -> basename(a), arraySlice(args, 1, 1)), 'kube-apiserver')";
  const signs = [
    news.rows('api_contacts', '1'),
    news.rows('containers', '1', isServer),
    news.rows('processes', '1', "comm = 'kube-apiserver'"),
    news.has('k8s_audit')
      ? `(SELECT 1 FROM k8s_audit WHERE resource = 'services' AND namespace = 'default' AND name = 'kubernetes' AND ${news.typed.k8s_audit})`
      : undefined,
  ].flatMap((rows) => (rows === undefined ? [] : [`SELECT 1 FROM ${rows}`]));
  const isTold = async () =>
    signs.length > 0 &&
    (await store.rows(`SELECT 1 FROM (${signs.join(' UNION ALL ')}) LIMIT 1`, {}, 'background')).length > 0;
  if (events === undefined || (await isTold())) await put('api_servers', (into) => insert(into, apiServers));
}

async function putConnections({ store, put, news, insert, events }: Run): Promise<void> {
  if (!news.of(apiConnections)) return;
  const isElsewhere =
    (await news.differ(store, 'api_servers', 'cluster, address, port')) ||
    (await news.differ(store, 'node_addresses', 'cluster, address'));
  if (events === undefined || isElsewhere) return put('api_connections', (into) => insert(into, apiConnections));
  const select = apiConnections.replaceAll('/*scope event*/ 1', () => eventsOf(events));
  await put('api_connections', (into) => insert(into, select), eventsOf(events));
}

async function putCallers(run: Run): Promise<void> {
  const { store, put, news, insert, events } = run;
  if (!news.of(callers, callersOfNode)) return;
  const all = () => put('callers', (into) => insert(into, callers, callersOfNode));
  if (events === undefined || (await news.differ(store, 'node_addresses', 'cluster, node, address'))) return all();
  const keys = '(cluster String, audit_id String) ENGINE = Memory';
  await withScratchTable(store, 'touched_callers', keys, async (requests) => {
    for (const select of askedBy(news))
      await store.run(`INSERT INTO ${requests} ${select} ${ENTITY_SETTINGS}`, {}, 'background');
    const within = `(cluster, audit_id) IN (SELECT cluster, audit_id FROM ${requests})`;
    const of = (select: string) => select.replace('/*scope request (cluster, audit_id)*/ 1', () => within);
    await put('callers', (into) => insert(into, of(callers), of(callersOfNode)), within);
  });
}

/** What of a pod a request is given to it by. */
const POD = 'cluster, pod_uid, pod, namespace, node, ips, host_network, first_seen, ended_at';
const CONTAINER = 'cluster, node, container_id, namespace, pod, pod_uid';

function askedBy(news: News): string[] {
  const pods = news.differing('pods', POD);
  const containers = news.differing('containers', CONTAINER);
  const connections = news.rows('api_connections', 'cluster, node, time, pod_uid');
  return [
    ...(news.has('k8s_audit')
      ? [`SELECT DISTINCT cluster, audit_id FROM k8s_audit WHERE ${news.typed.k8s_audit}`]
      : []),
    ...(pods === undefined
      ? []
      : [
          `SELECT DISTINCT cluster, audit_id FROM k8s_audit ARRAY JOIN source_ips AS ip WHERE (cluster, ip) IN (SELECT cluster, arrayJoin(ips) FROM ${pods})`,
          `SELECT DISTINCT cluster, audit_id FROM k8s_audit WHERE (cluster, user_pod_uid) IN (SELECT cluster, pod_uid FROM ${pods})`,
        ]),
    ...(containers === undefined
      ? []
      : [
          `SELECT cluster, audit_id FROM callers WHERE (cluster, node, container_id) IN (SELECT cluster, node, container_id FROM ${containers})`,
        ]),
    ...askedFromOwn(news, pods, connections),
    // the last one before a request: those after it
    ...(connections === undefined
      ? []
      : [
          `SELECT c.cluster, c.audit_id FROM (SELECT cluster, audit_id, time, pod_uid FROM callers) AS c
           INNER JOIN (SELECT cluster, pod_uid, min(time) AS since FROM ${connections} GROUP BY cluster, pod_uid) AS s ON c.cluster = s.cluster AND c.pod_uid = s.pod_uid
           WHERE c.time >= s.since - INTERVAL 1 SECOND`,
          `SELECT DISTINCT k.cluster, k.audit_id FROM (SELECT cluster, audit_id, time, source_ips[-1] AS peer FROM k8s_audit) AS k
           INNER JOIN (SELECT cluster, node, address FROM node_addresses FINAL) AS n ON k.cluster = n.cluster AND k.peer = n.address
           INNER JOIN (SELECT cluster, node, min(time) AS since FROM ${connections} GROUP BY cluster, node) AS s ON n.cluster = s.cluster AND n.node = s.node
           WHERE k.time >= s.since - INTERVAL 1 SECOND`,
        ]),
  ];
}

/** Whose an address is may be told by where tokens of pods came from (callers.sql): requests from there, and those with such a token. */
function askedFromOwn(news: News, pods: string | undefined, connections: string | undefined): string[] {
  const ways = news.differing('ways', 'cluster, user_pod_uid, source_ips, first_seen');
  const from = (places: string) => `
    SELECT DISTINCT cluster, audit_id FROM k8s_audit
    WHERE (cluster, source_ips[-1]) IN (${places}) AND (cluster, source_ips[-1]) NOT IN (SELECT cluster, address FROM node_addresses FINAL)`;
  const selects: string[] = [];
  if (ways !== undefined)
    selects.push(
      from(`SELECT cluster, source_ips[-1] FROM ${ways} WHERE user_pod_uid != ''`),
      `SELECT DISTINCT cluster, audit_id FROM k8s_audit WHERE (cluster, user_pod_uid) IN (SELECT cluster, user_pod_uid FROM ${ways} WHERE user_pod_uid != '')`,
    );
  if (pods !== undefined)
    selects.push(
      from(
        `SELECT cluster, source_ips[-1] FROM ways FINAL WHERE (cluster, user_pod_uid) IN (SELECT cluster, pod_uid FROM ${pods})`,
      ),
    );
  if (connections !== undefined)
    selects.push(
      from(`SELECT w.cluster, w.source_ips[-1] FROM (SELECT cluster, user_pod_uid, source_ips, first_seen FROM ways FINAL WHERE user_pod_uid != '') AS w
            INNER JOIN (SELECT cluster, pod_uid, time FROM ${connections}) AS c ON w.cluster = c.cluster AND w.user_pod_uid = c.pod_uid
            WHERE w.first_seen BETWEEN c.time - INTERVAL 1 SECOND AND c.time + INTERVAL 2 SECOND`),
    );
  return selects;
}
