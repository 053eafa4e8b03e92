// Which processes a run has to place again, and which others it needs for that: pids, with all their runs.
//
// What changed (runs of processes, pids that the runtime named, calls, devices, lives of containers) can change from a moment on whatever
// begins then: `since`, a node each. Of what began before, only what goes on is looked at: who has changed runs, is of a container whose life
// changed, or is a child of one that was silent. If more comes out otherwise (place-processes.ts compares), `since` moves back to it.
//
// Each of these is placed as it would be among all: with whom it needs for that (kin.ts). docs/decisions/0016 and 0019 have the reasons.
import { withScratchTable } from '../../store/scratch.ts';
import type { Store } from '../../store/store.ts';
import type { News } from '../news.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
import { type Kin, PLACED, withKin } from './kin.ts';
import type { NodeFacts } from './node-facts.ts';

export interface Affected {
  kin: Kin;
  /** Table: cluster, node, since. */
  since: string;
  /** Whether all that these need is among them. */
  isComplete: boolean;
}

/** A parent is looked for up to 60 s after its child (process-table.ts), and a tick of the kernel's clock. */
const LOOK_AHEAD = 'INTERVAL 61 SECOND';

/**
 * @param lives table: cluster, node, container_id, since: containers whose life changed, and from when on that can tell
 * @param facts as they were when processes were placed last
 */
export function withAffected<T>(
  store: Store,
  { version, lives, news }: { version: number; lives: string; news: News },
  facts: readonly NodeFacts[],
  work: (affected: Affected, more: (also: Also) => Promise<void>) => Promise<T>,
): Promise<T> {
  const run = (sql: string) => store.run(`${sql} ${ENTITY_SETTINGS}`, { version }, 'background');
  const definition = "(cluster String, node String, since DateTime64(3, 'UTC')) ENGINE = Memory";
  return withKin(store, version, facts, (kin) =>
    withScratchTable(store, 'placed_since', definition, async (since) => {
      const affected: Affected = { kin, since, isComplete: true };
      await run(`INSERT INTO ${since} ${moments(lives).join(' UNION ALL ')}`);
      await Promise.all(seeds(affected, lives, news).map(run));
      if (news.has('runtime'))
        for (const { cluster, node, heard_until } of facts)
          await store.run(SEED_HEARD.replace('{pids}', kin.pids), { cluster, node, heard_until }, 'background');
      affected.isComplete = await kin.close();
      return work(affected, async (also) => {
        await store.insert(since, [...also.since]);
        await store.insert(kin.families, [...also.families]);
        await store.insert(kin.pids, [...also.families]);
        await run(seedBySince(affected, lives));
        affected.isComplete = await kin.close();
      });
    }),
  );
}

/** What came out otherwise, or was not known to be needed. */
export interface Also {
  since: readonly { cluster: string; node: string; since: string }[];
  families: readonly { cluster: string; node: string; pid: number }[];
}

/** From when on something can be otherwise. */
function moments(lives: string): string[] {
  return [
    `SELECT cluster, node, min(first_seen) FROM process_runs WHERE version = {version:UInt64} GROUP BY cluster, node`,
    `SELECT cluster, node, min(time) FROM runtime_calls WHERE version = {version:UInt64} GROUP BY cluster, node`,
    `SELECT cluster, node, min(since) FROM ${lives} GROUP BY cluster, node`,
    // a device that is told of late is its container's from its begin on
    `SELECT cluster, node, min(toDateTime64(if(created_at > 0, created_at, started_at), 3, 'UTC'))
     FROM containers FINAL
     WHERE (cluster, node, container_id) IN (SELECT cluster, node, container_id FROM rootfs_devices WHERE version = {version:UInt64})
     GROUP BY cluster, node`,
    // of whom a collector said nothing before
    `SELECT cluster, node, min(first) FROM
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

const seedBySince = ({ kin: { pids }, since }: Affected, lives: string): string =>
  `INSERT INTO ${pids} (${PLACED}) SELECT DISTINCT p.cluster, p.node, p.pid
   FROM (SELECT cluster, node, pid, ppid, first_seen, container_id FROM processes) AS p
   LEFT ANY JOIN ${sinceOf(since)} AS s ON p.cluster = s.cluster AND p.node = s.node
   WHERE s.since > toDateTime64(0, 3, 'UTC') AND p.first_seen >= s.since
      OR (p.cluster, p.node, p.container_id) IN (SELECT cluster, node, container_id FROM ${lives})
      OR (p.cluster, p.node, p.ppid) IN (SELECT cluster, node, pid FROM runtime_calls WHERE version = {version:UInt64})`;

/** Who is looked at first. Rows of earlier runs among these are some too many. */
function seeds(affected: Affected, lives: string, news: News): string[] {
  const { pids } = affected.kin;
  const where = (isSo: boolean, sql: string) => (isSo ? [sql] : []);
  const lived = news.has('containers') || news.has('rootfs_devices');
  return [
    `INSERT INTO ${pids} (${PLACED}) SELECT DISTINCT cluster, node, pid FROM process_runs WHERE version = {version:UInt64}`,
    ...where(
      news.has('named_pids'),
      `INSERT INTO ${pids} (${PLACED}) SELECT DISTINCT cluster, node, pid FROM named_pids WHERE version = {version:UInt64}`,
    ),
    seedBySince(affected, lives),
    // children of one that was not heard of for a minute before them: now it may have been
    `INSERT INTO ${pids} (${PLACED}) SELECT DISTINCT c.cluster, c.node, c.pid
     FROM (SELECT cluster, node, pid, ppid, first_seen FROM processes) AS c
     INNER JOIN (SELECT cluster, node, pid, process_key, first_seen, argMax(last_seen, version) AS quiet FROM processes
                 WHERE (cluster, node, pid) IN (SELECT cluster, node, pid FROM process_runs WHERE version = {version:UInt64})
                 GROUP BY cluster, node, pid, process_key, first_seen) AS p
       ON c.cluster = p.cluster AND c.node = p.node AND c.ppid = p.pid
     WHERE c.first_seen > p.quiet + INTERVAL 60 SECOND`,
    // a device that nobody else was told to have: who ran programs of it may have taught whose it is
    ...where(
      lived,
      `INSERT INTO ${pids} (${PLACED}) SELECT DISTINCT cluster, node, pid FROM processes ARRAY JOIN exec_devs AS dev
     WHERE (cluster, node, dev) IN (SELECT cluster, node, dev FROM rootfs_devices FINAL
                                    WHERE version = {version:UInt64} OR (cluster, node, container_id) IN (SELECT cluster, node, container_id FROM ${lives}))
       AND (cluster, node, dev) NOT IN (SELECT cluster, node, dev FROM rootfs_devices FINAL
                                        WHERE version < {version:UInt64} AND (cluster, node, container_id) NOT IN (SELECT cluster, node, container_id FROM ${lives})
                                          AND (cluster, node, container_id) IN (SELECT cluster, node, container_id FROM containers FINAL))`,
    ),
    // devices that were told of before and are no longer
    ...where(
      news.has('rootfs_devices'),
      `INSERT INTO ${pids} (${PLACED}) SELECT DISTINCT cluster, node, pid FROM processes ARRAY JOIN exec_devs AS dev
     WHERE (cluster, node, dev) IN (SELECT cluster, node, dev FROM rootfs_devices WHERE version = {version:UInt64} AND is_deleted = 1)`,
    ),
    // a boot's moment that is told more closely: the rows of both are of this run
    ...where(
      news.has('boots'),
      `INSERT INTO ${pids} (${PLACED}) SELECT DISTINCT p.cluster, p.node, p.pid FROM (SELECT cluster, node, pid, first_seen, ended_at FROM processes) AS p
     INNER JOIN (SELECT cluster, node, min(began_at) AS since, max(began_at) AS until FROM boots WHERE version = {version:UInt64} GROUP BY cluster, node, boot) AS b
       ON p.cluster = b.cluster AND p.node = b.node
     WHERE p.ended_at BETWEEN b.since AND b.until OR p.first_seen BETWEEN b.since - ${LOOK_AHEAD} AND b.until`,
    ),
    // containers that may share the node's pids
    `INSERT INTO ${pids} (${PLACED}) SELECT DISTINCT cluster, node, pid FROM process_runs
     WHERE on_host AND (cluster, node, pid) IN (SELECT cluster, node, pid FROM named_pids FINAL WHERE exec_id = '')`,
  ];
}

/** Whose exit the runtime has not told ran on as far as it was heard of: further now. */
const SEED_HEARD = `
INSERT INTO {pids} (cluster, node, pid) SELECT DISTINCT cluster, node, pid FROM processes
WHERE cluster = {cluster:String} AND node = {node:String} AND toUnixTimestamp64Milli(first_seen) > {heard_until:Int64}
  AND pid IN (SELECT pid FROM named_pids FINAL WHERE cluster = {cluster:String} AND node = {node:String} AND ended_at = 0)`;
