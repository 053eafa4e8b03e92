// Which records of the API and of runtimes come out otherwise among events: those that came, and those of whom something that stands beside them
// is known otherwise now. Told by their moments, which the key of events has: all records of a moment are made again.
import { withScratchTable } from '../../store/scratch.ts';
import type { Store } from '../../store/store.ts';
import type { News } from '../news.ts';
import { ENTITY_SETTINGS } from '../settings.ts';

export interface TouchedRecords {
  /** Condition on the typed rows that are made again, and on their rows in events; undefined where none are. */
  requests: { made: string; within: string } | undefined;
  runtime: { made: string; within: string } | undefined;
}

export function withTouchedRecords<T>(
  store: Store,
  news: News,
  work: (touched: TouchedRecords) => Promise<T>,
): Promise<T> {
  const table = "(cluster String, time DateTime64(9, 'UTC')) ENGINE = Memory";
  return withScratchTable(store, 'touched_requests', table, (requests) =>
    withScratchTable(store, 'touched_runtime', table, async (runtime) =>
      work({
        requests: await touch(store, requests, 'k8s_audit', 'k8s-audit', ofRequests(news)),
        runtime: await touch(store, runtime, 'runtime', 'runtime', ofRuntime(news)),
      }),
    ),
  );
}

const among = (key: string, rows: string | undefined) => (rows === undefined ? [] : [`(${key}) IN ${rows}`]);

function ofRequests(news: News): string[] {
  const pods = among('cluster, namespace, name', news.rows('pods', 'cluster, namespace, pod'));
  return [
    ...(news.has('k8s_audit') ? [news.typed.k8s_audit] : []),
    ...among('cluster, audit_id', news.rows('callers', 'cluster, audit_id')),
    ...among('cluster, audit_id', news.rows('sessions', 'cluster, session_id')),
    ...pods.map((named) => `resource = 'pods' AND ${named}`),
  ];
}

const ofRuntime = (news: News): string[] => [
  ...(news.has('runtime') ? [news.typed.runtime] : []),
  ...among('cluster, node, container_id', news.rows('containers', 'cluster, node, container_id')),
];

async function touch(store: Store, moments: string, typed: string, layer: string, conditions: readonly string[]) {
  if (conditions.length === 0) return undefined;
  await store.run(
    `INSERT INTO ${moments} SELECT DISTINCT cluster, time FROM ${typed} WHERE ${conditions.join(' OR ')} ${ENTITY_SETTINGS}`,
    {},
    'background',
  );
  const made = `(cluster, time) IN (SELECT cluster, time FROM ${moments})`;
  return { made, within: `layer = '${layer}' AND ${made}` };
}
