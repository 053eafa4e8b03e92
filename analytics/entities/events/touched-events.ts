// Which of auditd's events a run looks at: those of touched minutes, and those whose process or container came to be another's. All, where it
// makes everything anew.
import { withScratchTable } from '../../store/scratch.ts';
import type { Store } from '../../store/store.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
import type { Touched } from '../touched.ts';

export interface TouchedEvents {
  /** Notes which containers are, by table `made`, of another pod than by those stored `within`. */
  containersMade(made: string, within: string): Promise<void>;
  /** Notes which pids are, by the processes in table `made`, another's than by those stored `within`. */
  processesMade(made: string, within?: string): Promise<void>;
  /** Table: cluster, node, time, serial of events that may have another process or container; undefined: all. */
  attributed(): Promise<string | undefined>;
  /** The same table, with the events in containers that are of another pod. */
  described(): Promise<string | undefined>;
}

/** Tables of one run. */
interface Tables {
  /**
   * cluster, node, pid, since: from then on whatever has the pid may be another process, or in another container; where `alone`, only events without a
   * parent may, which are told by the process's program and by when it was seen last.
   */
  pids: string;
  /** cluster, node, container_id. */
  containers: string;
  events: string;
}

const ALL: TouchedEvents = {
  containersMade: async () => {},
  processesMade: async () => {},
  attributed: async () => undefined,
  described: async () => undefined,
};

export function withTouchedEvents<T>(
  store: Store,
  touched: Touched,
  work: (events: TouchedEvents) => Promise<T>,
): Promise<T> {
  if (touched.whole) return work(ALL);
  const memory = (columns: string) => `(cluster String, node String, ${columns}) ENGINE = Memory`;
  const time = "DateTime64(3, 'UTC')";
  return withScratchTable(store, 'touched_pids', memory(`pid Int64, alone Bool, since ${time}`), (pids) =>
    withScratchTable(store, 'touched_containers', memory('container_id String'), (containers) =>
      withScratchTable(store, 'touched_events', memory(`time ${time}, serial UInt64`), (events) =>
        work(createTouchedEvents(store, touched, { pids, containers, events })),
      ),
    ),
  );
}

function createTouchedEvents(
  store: Store,
  { minutes, ranges }: { minutes: string; ranges: string },
  { pids, containers, events }: Tables,
): TouchedEvents {
  const run = (sql: string) => store.run(`${sql} ${ENTITY_SETTINGS}`, {}, 'background');
  const isEmpty = async (table: string) =>
    (await store.rows(`SELECT 1 FROM ${table} LIMIT 1`, {}, 'background')).length === 0;
  /** Rows that only one of two tables has. */
  const differing = (columns: string, made: string, stored: string, where = '1', within = '1') => {
    const both = `SELECT ${columns} FROM ${made} FINAL WHERE ${where} UNION ALL SELECT ${columns} FROM ${stored} FINAL WHERE ${where} AND ${within}`;
    return `(SELECT ${columns} FROM (${both}) GROUP BY ${columns} HAVING count() = 1)`;
  };
  return {
    containersMade: (made, within) => {
      const told = 'cluster, node, container_id, namespace, pod, pod_uid';
      return run(
        `INSERT INTO ${containers} SELECT DISTINCT cluster, node, container_id FROM ${differing(told, made, 'containers', '1', within)}`,
      );
    },
    processesMade: (made, within) => {
      const of = (table: string, where = '1') =>
        `SELECT cluster, node, process_key, pid, first_seen, last_seen, exe, (container_id, method, confidence) AS place
         FROM ${table} FINAL WHERE seen IN ('exec', 'events') AND ${where}`;
      return run(
        `INSERT INTO ${pids} (cluster, node, pid, alone, since)
         SELECT cluster, node, pid, is_alone, min(since) FROM
         (
             SELECT cluster, node, pid, count() = 2 AND uniqExact(place) = 1 AS is_alone,
                    if(is_alone AND uniqExact(exe) = 1, min(last_seen), first_seen) AS since
             FROM (${of(made)} UNION ALL ${of('processes', within)})
             GROUP BY cluster, node, process_key, pid, first_seen
             HAVING count() = 1 OR uniqExact(last_seen, exe, place) > 1
         )
         GROUP BY cluster, node, pid, is_alone`,
      );
    },
    attributed: async () => {
      if (ranges !== '')
        await run(
          `INSERT INTO ${events} SELECT DISTINCT cluster, node, time, serial FROM auditd
           WHERE (${ranges}) AND (cluster, node, toStartOfMinute(time)) IN (SELECT cluster, node, minute FROM ${minutes})`,
        );
      if (!(await isEmpty(pids)))
        await run(
          `INSERT INTO ${events} SELECT DISTINCT a.cluster, a.node, a.time, a.serial
           FROM (SELECT cluster, node, time, serial, pid, ppid FROM auditd WHERE time >= (SELECT min(since) FROM ${pids})) AS a
           INNER JOIN ${pids} AS p ON a.cluster = p.cluster AND a.node = p.node AND a.pid = p.pid
           WHERE a.time >= p.since AND (NOT p.alone OR a.ppid < 0)`,
        );
      return events;
    },
    described: async () => {
      if (!(await isEmpty(containers)))
        await run(
          `INSERT INTO ${events} SELECT DISTINCT cluster, node, time, serial FROM attributions
           WHERE (cluster, node, container_id) IN (SELECT cluster, node, container_id FROM ${containers})`,
        );
      return events;
    },
  };
}
