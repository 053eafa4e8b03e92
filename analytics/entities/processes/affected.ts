// Which processes a run has to place again, and which others it needs for that: pids, with all their runs.
//
// What changed (runs of processes, pids that the runtime named, calls, devices, lives of containers) can change from a moment on whatever
// begins then: `since`, a node each. Of what began before, only what goes on is looked at: who has changed runs, is of a container whose life
// changed, or is a child of one that was silent. If more comes out otherwise (place-processes.ts compares), `since` moves back to it.
//
// Each of these is placed as it would be among all: its ancestors are placed too, the other children of a parent that left no event, and who
// tells whose its devices are. docs/decisions/0016 has the reasons.
import { withScratchTable } from '../../store/scratch.ts';
import { type Store, sqlString } from '../../store/store.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
import type { NodeFacts } from './node-facts.ts';

export interface Affected {
  /** Table: cluster, node, pid. */
  pids: string;
  /** Table: cluster, node, pid of parents that left no event, all of whose children are among `pids`. */
  families: string;
  /** Table: cluster, node, since. */
  since: string;
  /** Whether all that these need is among them. */
  isComplete: boolean;
}

/** A parent is looked for up to 60 s after its child (process-table.ts), and a tick of the kernel's clock. */
const LOOK_AHEAD = 'INTERVAL 61 SECOND';
/** Each round goes up one step of a chain of ancestors. One that is longer is made to be: then all are placed. */
const ROUNDS_MAX = 64;

/**
 * @param lives table: cluster, node, container_id, since: containers whose life changed, and from when on that can tell
 * @param facts as they were when processes were placed last
 */
export function withAffected<T>(
  store: Store,
  version: number,
  lives: string,
  facts: readonly NodeFacts[],
  work: (affected: Affected, more: (also: Also) => Promise<void>) => Promise<T>,
): Promise<T> {
  const memory = (columns: string) => `(cluster String, node String, ${columns}) ENGINE = Memory`;
  const run = (sql: string) => store.run(`${sql} ${ENTITY_SETTINGS}`, { version }, 'background');
  return withScratchTable(store, 'placed_pids', memory('pid Int64'), (pids) =>
    withScratchTable(store, 'placed_families', memory('pid Int64'), (families) =>
      withScratchTable(store, 'placed_since', memory("since DateTime64(3, 'UTC')"), async (since) => {
        const affected: Affected = { pids, families, since, isComplete: true };
        for (const sql of moments(since, lives)) await run(sql);
        for (const sql of seeds(affected, lives)) await run(sql);
        for (const { cluster, node, heard_until } of facts)
          await store.run(SEED_HEARD.replace('{pids}', pids), { cluster, node, heard_until }, 'background');
        await close(store, affected, facts);
        return work(affected, async (also) => {
          await store.insert(since, [...also.since]);
          await store.insert(families, [...also.families]);
          await store.insert(pids, [...also.families]);
          await run(seedBySince(affected, lives));
          await close(store, affected, facts);
        });
      }),
    ),
  );
}

/** What came out otherwise, or was not known to be needed. */
export interface Also {
  since: readonly { cluster: string; node: string; since: string }[];
  families: readonly { cluster: string; node: string; pid: number }[];
}

/** From when on something can be otherwise. */
function moments(since: string, lives: string): string[] {
  return [
    `INSERT INTO ${since} SELECT cluster, node, min(first_seen) FROM process_runs WHERE version = {version:UInt64} GROUP BY cluster, node`,
    `INSERT INTO ${since} SELECT cluster, node, min(time) FROM runtime_calls WHERE version = {version:UInt64} GROUP BY cluster, node`,
    `INSERT INTO ${since} SELECT cluster, node, min(since) FROM ${lives} GROUP BY cluster, node`,
    // a device that is told of late is its container's from its begin on
    `INSERT INTO ${since} SELECT cluster, node, min(toDateTime64(if(created_at > 0, created_at, started_at), 3, 'UTC'))
     FROM containers FINAL
     WHERE (cluster, node, container_id) IN (SELECT cluster, node, container_id FROM rootfs_devices WHERE version = {version:UInt64})
     GROUP BY cluster, node`,
    // of whom a collector said nothing before
    `INSERT INTO ${since} SELECT cluster, node, min(first) FROM
     (
         SELECT cluster, node, pid, min(first_seen) AS first FROM process_runs FINAL
         WHERE (cluster, node, pid) IN (SELECT cluster, node, pid FROM process_runs WHERE version = {version:UInt64} AND on_host)
         GROUP BY cluster, node, pid
         HAVING countIf(version < {version:UInt64}) > 0 AND countIf(version < {version:UInt64} AND on_host) = 0
     )
     GROUP BY cluster, node`,
  ];
}

export const sinceOf = (since: string) =>
  // one that nobody told is before all others
  `(SELECT cluster, node, greatest(min(since) - ${LOOK_AHEAD}, toDateTime64('1971-01-01 00:00:00', 3, 'UTC')) AS since FROM ${since} GROUP BY cluster, node)`;

const seedBySince = ({ pids, since }: Affected, lives: string): string =>
  `INSERT INTO ${pids} SELECT DISTINCT p.cluster, p.node, p.pid
   FROM (SELECT cluster, node, pid, ppid, first_seen, container_id FROM processes) AS p
   LEFT ANY JOIN ${sinceOf(since)} AS s ON p.cluster = s.cluster AND p.node = s.node
   WHERE s.since > toDateTime64(0, 3, 'UTC') AND p.first_seen >= s.since
      OR (p.cluster, p.node, p.container_id) IN (SELECT cluster, node, container_id FROM ${lives})
      OR (p.cluster, p.node, p.ppid) IN (SELECT cluster, node, pid FROM runtime_calls WHERE version = {version:UInt64})`;

/** Who is looked at first. Rows of earlier runs among these are some too many. */
function seeds(affected: Affected, lives: string): string[] {
  const { pids } = affected;
  return [
    `INSERT INTO ${pids} SELECT DISTINCT cluster, node, pid FROM process_runs WHERE version = {version:UInt64}`,
    `INSERT INTO ${pids} SELECT DISTINCT cluster, node, pid FROM named_pids WHERE version = {version:UInt64}`,
    seedBySince(affected, lives),
    // children of one that was not heard of for a minute before them: now it may have been
    `INSERT INTO ${pids} SELECT DISTINCT c.cluster, c.node, c.pid
     FROM (SELECT cluster, node, pid, ppid, first_seen FROM processes) AS c
     INNER JOIN (SELECT cluster, node, pid, process_key, first_seen, argMax(last_seen, version) AS quiet FROM processes
                 WHERE (cluster, node, pid) IN (SELECT cluster, node, pid FROM process_runs WHERE version = {version:UInt64})
                 GROUP BY cluster, node, pid, process_key, first_seen) AS p
       ON c.cluster = p.cluster AND c.node = p.node AND c.ppid = p.pid
     WHERE c.first_seen > p.quiet + INTERVAL 60 SECOND`,
    // a device that nobody else was told to have: who ran programs of it may have taught whose it is
    `INSERT INTO ${pids} SELECT DISTINCT cluster, node, pid FROM processes ARRAY JOIN exec_devs AS dev
     WHERE (cluster, node, dev) IN (SELECT cluster, node, dev FROM rootfs_devices FINAL
                                    WHERE version = {version:UInt64} OR (cluster, node, container_id) IN (SELECT cluster, node, container_id FROM ${lives}))
       AND (cluster, node, dev) NOT IN (SELECT cluster, node, dev FROM rootfs_devices FINAL
                                        WHERE version < {version:UInt64} AND (cluster, node, container_id) NOT IN (SELECT cluster, node, container_id FROM ${lives})
                                          AND (cluster, node, container_id) IN (SELECT cluster, node, container_id FROM containers FINAL))`,
    // devices that were told of before and are no longer
    `INSERT INTO ${pids} SELECT DISTINCT cluster, node, pid FROM processes ARRAY JOIN exec_devs AS dev
     WHERE (cluster, node, dev) IN (SELECT cluster, node, dev FROM rootfs_devices WHERE version = {version:UInt64} AND is_deleted = 1)`,
    // a boot's moment that is told more closely: the rows of both are of this run
    `INSERT INTO ${pids} SELECT DISTINCT p.cluster, p.node, p.pid FROM (SELECT cluster, node, pid, first_seen, ended_at FROM processes) AS p
     INNER JOIN (SELECT cluster, node, min(began_at) AS since, max(began_at) AS until FROM boots WHERE version = {version:UInt64} GROUP BY cluster, node, boot) AS b
       ON p.cluster = b.cluster AND p.node = b.node
     WHERE p.ended_at BETWEEN b.since AND b.until OR p.first_seen BETWEEN b.since - ${LOOK_AHEAD} AND b.until`,
    // containers that may share the node's pids
    `INSERT INTO ${pids} SELECT DISTINCT cluster, node, pid FROM process_runs
     WHERE on_host AND (cluster, node, pid) IN (SELECT cluster, node, pid FROM named_pids FINAL WHERE exec_id = '')`,
  ];
}

/** Whose exit the runtime has not told ran on as far as it was heard of: further now. */
const SEED_HEARD = `
INSERT INTO {pids} SELECT DISTINCT cluster, node, pid FROM processes
WHERE cluster = {cluster:String} AND node = {node:String} AND toUnixTimestamp64Milli(first_seen) > {heard_until:Int64}
  AND pid IN (SELECT pid FROM named_pids FINAL WHERE cluster = {cluster:String} AND node = {node:String} AND ended_at = 0)`;

/** Adds what is needed until nothing is. */
async function close(store: Store, affected: Affected, facts: readonly NodeFacts[]): Promise<void> {
  const run = (sql: string) => store.run(`${sql} ${ENTITY_SETTINGS}`, {}, 'background');
  affected.isComplete = true;
  const repeat = async (work: () => Promise<void>) => {
    let before = -1;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const count = await countOf(store, affected);
      if (count === before) return;
      before = count;
      await work();
    }
    affected.isComplete = false;
  };
  await repeat(async () => {
    await repeat(async () => {
      for (const sql of kin(affected)) await run(sql);
    });
    for (const sql of witnesses(affected, ofRuntimes(facts))) await run(sql);
  });
}

export async function countOf(store: Store, { pids, families }: Affected): Promise<number> {
  const sql = `SELECT (SELECT uniqExact(cluster, node, pid) FROM ${pids}) + (SELECT uniqExact(cluster, node, pid) FROM ${families}) AS n`;
  const [row] = await store.rows(sql, {}, 'background');
  return Number(row?.['n'] ?? 0);
}

/** What runtimes' own programs are read from tells of no container. */
const ofRuntimes = (facts: readonly NodeFacts[]): string => {
  const devices = facts.flatMap((f) =>
    f.runtime_devices.map((dev) => `(${[f.cluster, f.node, dev].map(sqlString).join(', ')})`),
  );
  return devices.length === 0 ? '0' : `(cluster, node, dev) IN (${devices.join(', ')})`;
};

const ownOf = ({ pids }: Affected) => `(cluster, node, pid) IN (SELECT cluster, node, pid FROM ${pids})`;
const othersOf =
  ({ pids }: Affected) =>
  (pid: string) =>
    `(cluster, node, ${pid}) NOT IN (SELECT cluster, node, pid FROM ${pids})`;

/** Ancestors, and all children of a parent that left no event, at all or before a child. */
function kin(affected: Affected): string[] {
  const { pids, families } = affected;
  const [own, others] = [ownOf(affected), othersOf(affected)];
  return [
    `INSERT INTO ${pids} SELECT DISTINCT cluster, node, ppid FROM process_runs WHERE ${own} AND ppid > 0 AND ${others('ppid')}`,
    `INSERT INTO ${families} SELECT DISTINCT cluster, node, pid FROM ${pids}
     WHERE pid > 1 AND (cluster, node, pid) NOT IN (SELECT cluster, node, pid FROM ${families})
       AND ((cluster, node, pid) NOT IN (SELECT cluster, node, pid FROM process_runs FINAL WHERE ${own})
            OR (cluster, node, pid) IN (SELECT cluster, node, pid FROM processes WHERE seen = 'child' AND ${own}))`,
    `INSERT INTO ${pids} SELECT DISTINCT cluster, node, pid FROM process_runs
     WHERE (cluster, node, ppid) IN (SELECT cluster, node, pid FROM ${families}) AND ${others('pid')}`,
  ];
}

/** Who tells where others belong. */
function witnesses(affected: Affected, isOfRuntimes: string): string[] {
  const { pids } = affected;
  const [own, others] = [ownOf(affected), othersOf(affected)];
  const known = '(cluster, node, container_id) IN (SELECT cluster, node, container_id FROM containers FINAL)';
  const named = `SELECT cluster, node, dev, container_id FROM rootfs_devices FINAL WHERE ${known}`;
  return [
    // whose a device is: the first process of a container that runc was not seen to name it for; any, where nobody has it from runc
    `INSERT INTO ${pids} SELECT DISTINCT cluster, node, pid FROM processes ARRAY JOIN exec_devs AS dev
     WHERE container_id != '' AND ${others('pid')} AND NOT (${isOfRuntimes})
       AND (cluster, node, dev) IN (SELECT cluster, node, arrayJoin(exec_devs) FROM process_runs WHERE ${own})
       AND (exec_id = '' AND method IN ('runtime-pid', 'runtime-call') AND (cluster, node, dev, container_id) NOT IN (${named})
            OR (cluster, node, dev) NOT IN (SELECT cluster, node, dev FROM (${named})))`,
    // whether somebody is in the containers that a shim has just started before a child of it (START_LATE_MS_MAX in place-by-runtime.ts), and in its sandbox
    `INSERT INTO ${pids}
     WITH
         children AS (SELECT cluster, node, ppid, first_seen FROM process_runs WHERE ${own} AND notEmpty(exec_devs)),
         meant AS
         (
             SELECT DISTINCT c.cluster, c.node, c.container_id FROM (SELECT cluster, node, ppid, time, container_id FROM runtime_calls WHERE verb = 'start') AS c
             INNER JOIN children AS r ON c.cluster = r.cluster AND c.node = r.node AND c.ppid = r.ppid
             WHERE c.time <= r.first_seen AND c.time >= r.first_seen - INTERVAL 2 SECOND
             UNION ALL
             SELECT DISTINCT cluster, node, container_id FROM runtime_calls WHERE verb = 'shim' AND (cluster, node, pid) IN (SELECT cluster, node, ppid FROM children)
         )
     SELECT DISTINCT cluster, node, pid FROM
     (
         SELECT cluster, node, arrayJoin(if(countIf(is_sure) > 0, [argMinIf(of, process_key, is_sure)], groupUniqArray(of))) AS pid
         FROM (SELECT cluster, node, container_id, process_key, pid AS of, method IN ('cgroup', 'runtime-pid') AND NOT setup AS is_sure FROM processes FINAL WHERE container_id != '')
         WHERE (cluster, node, container_id) IN (SELECT * FROM meant)
         GROUP BY cluster, node, container_id
     )
     WHERE ${others('pid')}`,
  ];
}
