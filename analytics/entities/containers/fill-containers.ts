// Table containers: what tells of each (container-evidence.sql), then what that comes to (containers.sql). All of them, or those that may come out
// otherwise than they are stored (touched-containers.ts).
import type { Put } from '../../store/derived.ts';
import { withScratchTable } from '../../store/scratch.ts';
import type { Store } from '../../store/store.ts';
import trustedCalls from '../minutes/runtime-calls-trusted.sql';
import type { News } from '../news.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
import type { Touched } from '../touched.ts';
import containerEvidence from './container-evidence.sql';
import containers from './containers.sql';
import { type TouchedContainers, withTouchedContainers } from './touched-containers.ts';

const READ = [trustedCalls, containerEvidence, containers];
/** What is made may be told by containers that were not thought of: they are added, and all is made again. Beyond, all containers are. */
const ATTEMPTS_MAX = 3;

/** @param made is told of the table that holds the containers made, before they take the place of those stored `within` */
export async function putContainers(
  store: Store,
  run: { version: number; put: Put; touched: Touched; news: News },
  made: (table: string, within: string) => Promise<void>,
): Promise<void> {
  const { version, put, touched, news } = run;
  if (!news.of(...READ)) return;
  const isPart = await withTouchedContainers(store, touched, news, async (some, more) => {
    const within = `(cluster, container_id) IN (SELECT cluster, container_id FROM ${some.ids})`;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const isWhole = await withScratchTable(store, 'containers', 'AS containers', async (table) => {
        await fillContainers(store, version, table, some);
        if (await more(table)) return false;
        await put(
          'containers',
          async (into) => {
            await store.run(`INSERT INTO ${into} SELECT * FROM ${table}`, {}, 'background');
            await made(into, within);
          },
          within,
        );
        return true;
      });
      if (isWhole) return true;
    }
    return undefined;
  });
  if (isPart) return;
  await put('containers', async (into) => {
    await fillContainers(store, version, into);
    await made(into, '1');
  });
}

export function fillContainers(
  store: Store,
  version: number,
  into = 'containers',
  of?: TouchedContainers,
): Promise<void> {
  const made = (select: string) => `ENGINE = Memory AS ${scoped(select, of)} ${ENTITY_SETTINGS}`;
  return withScratchTable(store, 'runtime_calls', made(trustedCalls), (calls) =>
    withScratchTable(
      store,
      'container_evidence',
      made(containerEvidence.replaceAll('{runtime_calls}', calls)),
      (evidence) => {
        const select = scoped(containers.replaceAll('{evidence}', evidence), of);
        return store.run(`INSERT INTO ${into} ${select} ${ENTITY_SETTINGS}`, { version }, 'background');
      },
    ),
  );
}

/** A key is looked up first, by all versions of a row and few columns: FINAL then reads the rest of those alone. */
function scoped(select: string, of: TouchedContainers | undefined): string {
  if (of === undefined) return select;
  const ids = (column: string) => `(cluster, ${column}) IN (SELECT cluster, container_id FROM ${of.ids})`;
  const scopes: Record<string, string> = {
    call: `(c.cluster, c.container_id) IN (SELECT cluster, container_id FROM ${of.ids})`,
    device: ids('container_id'),
    runtime: `(cluster, node, time) IN (SELECT cluster, node, time FROM runtime WHERE ${ids('container_id')}) AND ${ids('container_id')}`,
    cgroup: `(cluster, node, time) IN (SELECT cluster, node, time FROM auditd WHERE cgroup_container_id != '' AND ${ids('cgroup_container_id')})
      AND ${ids('cgroup_container_id')}`,
    status: `(cluster, time) IN (SELECT cluster, time FROM k8s_audit ARRAY JOIN container_statuses.container_id AS told_id WHERE ${ids('told_id')})
      AND ${ids('s.container_id')}`,
    pod: `(cluster, time) IN (SELECT cluster, time FROM k8s_audit WHERE resource = 'pods' AND (cluster, object_uid) IN (SELECT cluster, pod_uid FROM ${of.pods}))
      AND (cluster, object_uid) IN (SELECT cluster, pod_uid FROM ${of.pods})`,
  };
  return select.replaceAll(/\/\*scope (\w+)\*\/ 1/g, (all, name: string) => scopes[name] ?? all);
}
