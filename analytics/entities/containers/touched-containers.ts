// Which containers come out otherwise: those that changed records and calls name, and those they are told by: all of their pod and of their sandbox, for
// these are looked at together (containers.sql). By id, whatever node tells of it.
import { withScratchTable } from '../../store/scratch.ts';
import type { Store } from '../../store/store.ts';
import type { News } from '../news.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
import type { Touched } from '../touched.ts';

export interface TouchedContainers {
  /** Table: cluster, container_id. */
  ids: string;
  /** Table: cluster, pod_uid of pods that changed records are about or that these are in. */
  pods: string;
}

/** Each round goes from a container to its pod and its sandbox; two come to all of them, and what is told anew may lead to others. */
const ROUNDS_MAX = 8;

/** @returns what `work` comes to with them; undefined, and nothing done, where all may come out otherwise */
export function withTouchedContainers<T>(
  store: Store,
  touched: Touched,
  news: News,
  work: (touched: TouchedContainers, more: (made: string) => Promise<boolean>) => Promise<T>,
): Promise<T | undefined> {
  const memory = (column: string) => `(cluster String, ${column} String) ENGINE = Memory`;
  return withScratchTable(store, 'touched_ids', memory('container_id'), (ids) =>
    withScratchTable(store, 'touched_pods', memory('pod_uid'), async (pods) => {
      if (touched.whole || (await isOfAll(store, news))) return undefined;
      const run = (sql: string) => store.run(`${sql} ${ENTITY_SETTINGS}`, {}, 'background');
      for (const select of namedIn(touched, news)) await run(`INSERT INTO ${ids} ${select}`);
      if (news.has('k8s_audit')) await run(`INSERT INTO ${pods} ${PODS_ASKED_FOR} AND ${news.typed.k8s_audit}`);
      if (news.has('runtime'))
        await run(
          `INSERT INTO ${pods} SELECT DISTINCT cluster, pod_uid FROM runtime WHERE pod_uid != '' AND ${news.typed.runtime}`,
        );
      const isClosed = await close(store, { ids, pods }, 'containers');
      return isClosed ? work({ ids, pods }, (made) => widen(store, { ids, pods }, made)) : undefined;
    }),
  );
}

/** What changes every container of a node: its end, what its images are called, whether programs of its disk alone are trusted. */
async function isOfAll(store: Store, news: News): Promise<boolean> {
  const notes = news.rows('audit_notes', '1', "has(types, 'SYSTEM_BOOT')");
  const disk = news.rows('runtime_calls', 'cluster, node', 'is_of_disk');
  const signs = [
    ...(news.has('k8s_audit')
      ? [`SELECT 1 FROM k8s_audit WHERE resource = 'nodes' AND verb = 'delete' AND ${news.typed.k8s_audit}`]
      : []),
    ...(news.has('runtime') ? [`SELECT 1 FROM runtime WHERE topic = 'image' AND ${news.typed.runtime}`] : []),
    ...(notes === undefined ? [] : [`SELECT 1 FROM ${notes}`]),
    // the first that is, or was, of the disk
    ...(disk === undefined
      ? []
      : [
          `SELECT 1 FROM ${disk} WHERE (cluster, node) NOT IN
             (SELECT cluster, node FROM runtime_calls FINAL WHERE is_of_disk AND (cluster, node, minute, time, serial) NOT IN
                ${news.rows('runtime_calls', 'cluster, node, minute, time, serial')})`,
        ]),
  ];
  if (signs.length === 0) return false;
  const sql = `SELECT 1 FROM (${signs.join(' UNION ALL ')}) LIMIT 1`;
  return (await store.rows(sql, {}, 'background')).length > 0;
}

const PODS_ASKED_FOR = `SELECT DISTINCT cluster, object_uid FROM k8s_audit WHERE resource = 'pods' AND object_uid != ''`;

function namedIn(touched: Touched & { whole: false }, news: News): string[] {
  const calls = news.rows('runtime_calls', 'cluster, container_id');
  const shims = news.rows('runtime_calls', 'cluster, node, pid', "verb = 'shim'");
  const devices = news.rows('rootfs_devices', 'cluster, container_id');
  return [
    ...(news.has('k8s_audit')
      ? [
          `SELECT DISTINCT cluster, s.container_id FROM k8s_audit ARRAY JOIN container_statuses AS s WHERE resource = 'pods' AND ${news.typed.k8s_audit}`,
        ]
      : []),
    ...(news.has('runtime') ? [`SELECT DISTINCT cluster, container_id FROM runtime WHERE ${news.typed.runtime}`] : []),
    ...(calls === undefined ? [] : [`SELECT DISTINCT cluster, container_id FROM ${calls}`]),
    ...(shims === undefined
      ? []
      : [`SELECT DISTINCT cluster, container_id FROM runtime_calls WHERE (cluster, node, ppid) IN ${shims}`]),
    ...(devices === undefined ? [] : [`SELECT DISTINCT cluster, container_id FROM ${devices}`]),
    ...(touched.ranges === ''
      ? []
      : [
          `SELECT DISTINCT cluster, toString(cgroup_container_id) FROM auditd WHERE cgroup_container_id != '' AND (${touched.ranges})`,
        ]),
  ];
}

/** Adds what is told by the same pod, sandbox or shim until nothing is, by containers as they stand in table `of`. */
async function close(store: Store, { ids, pods }: TouchedContainers, of: string): Promise<boolean> {
  const own = `(cluster, container_id) IN (SELECT cluster, container_id FROM ${ids})`;
  const run = (sql: string) => store.run(`${sql} ${ENTITY_SETTINGS}`, {}, 'background');
  let before = -1;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const count = await countOf(store, { ids, pods });
    if (count === before) return true;
    before = count;
    await run(`INSERT INTO ${pods} SELECT DISTINCT cluster, pod_uid FROM ${of} WHERE pod_uid != '' AND ${own}`);
    await run(
      `INSERT INTO ${ids}
       WITH boxes AS (SELECT DISTINCT cluster, sandbox_id FROM ${of} WHERE sandbox_id != '' AND ${own})
       SELECT cluster, container_id FROM containers
       WHERE (cluster, pod_uid) IN (SELECT cluster, pod_uid FROM ${pods}) OR (cluster, sandbox_id) IN (SELECT cluster, sandbox_id FROM boxes)
       UNION ALL SELECT cluster, sandbox_id FROM boxes
       UNION ALL
       SELECT cluster, container_id FROM runtime_calls
       WHERE (cluster, node, ppid) IN (SELECT cluster, node, pid FROM runtime_calls WHERE verb = 'shim' AND (${own} OR (cluster, container_id) IN (SELECT cluster, sandbox_id FROM boxes)))`,
    );
  }
  return false;
}

async function countOf(store: Store, { ids, pods }: TouchedContainers): Promise<number> {
  const sql = `SELECT (SELECT uniqExact(cluster, container_id) FROM ${ids}) + (SELECT uniqExact(cluster, pod_uid) FROM ${pods}) AS n`;
  const [row] = await store.rows(sql, {}, 'background');
  return Number(row?.['n'] ?? 0);
}

/** @returns whether containers as they are made are told by others, which are added */
async function widen(store: Store, of: TouchedContainers, made: string): Promise<boolean> {
  const before = await countOf(store, of);
  return !(await close(store, of, made)) || (await countOf(store, of)) > before;
}
