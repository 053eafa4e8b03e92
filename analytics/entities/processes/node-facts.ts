// What placing takes from all of a node's records at once, and would place everything otherwise if it changed. Kept with the run, so that the next
// one knows whether it may place a part.
import { z } from 'zod';
import type { Store } from '../../store/store.ts';
import trustedCalls from '../minutes/runtime-calls-trusted.sql';
import { ENTITY_SETTINGS } from '../settings.ts';

export interface NodeFacts {
  cluster: string;
  node: string;
  /** Devices that programs of container runtimes were read from: the node's own. */
  runtime_devices: string[];
  /** Whether some calls of runtimes ran a program of the disk: then only those are trusted. */
  of_disk: boolean;
  /** When the runtime was last heard of, ms. */
  heard_until: number;
}

/** Cursors: of the first the loader is all of it but the moments, which the second has, a node each. */
const JOB = 'placed';
const HEARD = 'placed-heard';
const text = z.string();
const factsRow = z.object({
  ...{ cluster: text, node: text, runtime_devices: z.array(text) },
  ...{ of_disk: z.coerce.boolean(), heard_until: z.coerce.number() },
});

// who made a call had its pid last then: the call itself is an event of it
const FACTS = `
WITH
    called AS
    (
        SELECT cluster, node, arraySort(groupUniqArrayArray(exec_devs)) AS devices
        FROM (${trustedCalls}) AS c
        ASOF INNER JOIN (SELECT cluster, node, pid, first_seen, exec_devs FROM processes FINAL WHERE seen IN ('exec', 'events') AND /*scope pids*/ 1) AS p
            ON c.cluster = p.cluster AND c.node = p.node AND c.pid = p.pid AND c.time >= p.first_seen
        GROUP BY cluster, node
    )
SELECT cluster, node, arraySort(groupUniqArrayArray(devices)) AS runtime_devices, max(is_of_disk) AS of_disk, max(heard) AS heard_until
FROM
(
    SELECT cluster, node, devices, false AS is_of_disk, toInt64(0) AS heard FROM called
    UNION ALL
    SELECT cluster, node, [], max(is_of_disk), toInt64(0) FROM runtime_calls FINAL GROUP BY cluster, node
    UNION ALL
    SELECT cluster, node, [], false, toUnixTimestamp64Milli(max(time)) FROM runtime WHERE startsWith(topic, '/') GROUP BY cluster, node
)
GROUP BY cluster, node
ORDER BY cluster, node`;

/**
 * As the processes in the store are.
 * @param before as they were when processes were placed last; where runtimes were read from no device of the node's, what run `version` changed alone
 *   can tell of one: processes, all of whose pids are in table `pids` (cluster, node, pid), and calls
 */
export async function readFacts(
  store: Store,
  before?: { noted: readonly NodeFacts[]; pids: string; version: number },
): Promise<NodeFacts[]> {
  const isPart = before?.noted.every((f) => f.runtime_devices.length === 0);
  const changed = `SELECT cluster, node, pid FROM ${before?.pids} UNION ALL SELECT cluster, node, pid FROM runtime_calls WHERE version = ${before?.version}`;
  const some = isPart ? `(cluster, node, pid) IN (${changed})` : '1';
  const facts = FACTS.replace('/*scope calls*/ 1', () => some).replace('/*scope pids*/ 1', () => some);
  return z.array(factsRow).parse(await store.rows(`${facts} ${ENTITY_SETTINGS}`, {}, 'background'));
}

/** As they were when processes were placed last; undefined if they never were. */
export async function readNoted(store: Store): Promise<NodeFacts[] | undefined> {
  const sql = `SELECT argMax(loader, version) AS facts FROM cursors WHERE job = '${JOB}' HAVING count() > 0`;
  const [row] = await store.rows(sql, {}, 'background');
  if (row === undefined) return undefined;
  const heard = await store.rows(`SELECT loader, seq FROM cursors FINAL WHERE job = '${HEARD}'`, {}, 'background');
  const until = new Map(heard.map((h) => [String(h['loader']), Number(h['seq'])]));
  const facts = z.array(factsRow).parse(JSON.parse(String(row['facts'])));
  return facts.map((f) => ({ ...f, heard_until: until.get(nodeOf(f)) ?? 0 }));
}

const nodeOf = ({ cluster, node }: NodeFacts) => JSON.stringify([cluster, node]);

export async function noteFacts(store: Store, facts: readonly NodeFacts[], version: number): Promise<void> {
  const constant = facts.map((f) => ({ ...f, heard_until: 0 }));
  await store.insert('cursors', [
    { job: JOB, loader: JSON.stringify(constant), seq: 0, version },
    ...facts.map((f) => ({ job: HEARD, loader: nodeOf(f), seq: f.heard_until, version })),
  ]);
}

/** Whether what a part of a node's processes is placed by is still so of the whole. */
export function areSame(before: readonly NodeFacts[], now: readonly NodeFacts[]): boolean {
  const told = (facts: readonly NodeFacts[]) =>
    JSON.stringify(facts.map((f) => [f.cluster, f.node, f.of_disk, f.runtime_devices]));
  return told(before) === told(now);
}
