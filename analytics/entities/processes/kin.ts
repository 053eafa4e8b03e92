// What is needed to place some processes as they would be placed among all: ancestors, families, and who tells where others belong. Looked up in tables that
// one run makes for itself, by node as a number: rounds of it cost milliseconds.
//
// A family: children of a parent that left no event. Its eldest child tells when the parent was there, and where all that are placed by themselves agree the
// others are placed there too (processes.ts). Of a calm family none is placed so, nor is the parent: its eldest child stands for it, as long as what
// is new in it is not either (place-affected.ts compares).
//
// Who forked such a parent is told by whose pids are beside its own (fork-order.ts): these are needed where that was told before, and where one of them is new.
import { openScratchTable } from '../../store/scratch.ts';
import { type Store, sqlString } from '../../store/store.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
import { PIDS_MAX } from './fork-order.ts';
import type { NodeFacts } from './node-facts.ts';

/** Tables: cluster, node, pid, and the node as a number. */
export interface Kin {
  pids: string;
  /** Parents that left no event, all of whose children are among `pids`. */
  families: string;
  /** Parents that left no event, only whose eldest children are: calm ones. */
  calm: string;
  /** Adds what is needed until nothing is. @returns false where there is no end of it */
  close(): Promise<boolean>;
  count(): Promise<number>;
}

/** Columns of a table of processes, given by cluster, node and pid. */
export const PLACED = 'cluster, node, pid';
const AT = 'place UInt64 DEFAULT cityHash64(cluster, node)';
const MEMORY = `(cluster String, node String, pid Int64, ${AT}) ENGINE = Memory`;
/** Each round goes up one step of a chain of ancestors. One that is longer is made to be: then all are placed. */
const ROUNDS_MAX = 64;
/** Methods by which children speak for their family; what they come to is the last. */
export const SPEAKING = ['rootfs-dev', 'cgroup', 'runtime-call', 'siblings'];

export async function withKin<T>(
  store: Store,
  version: number,
  facts: readonly NodeFacts[],
  work: (kin: Kin) => Promise<T>,
): Promise<T> {
  const drops: (() => Promise<void>)[] = [];
  const open = async (name: string, definition: string) => {
    const { table, drop } = await openScratchTable(store, name, definition, 'background');
    drops.push(drop);
    return table;
  };
  const made = (name: string, select: string) => open(name, `ENGINE = Memory AS ${select} ${ENTITY_SETTINGS}`);
  try {
    const pids = await open('placed_pids', MEMORY);
    const families = await open('placed_families', MEMORY);
    const calm = await open('placed_calm', MEMORY);
    const [parents, ran, silent, eldest, of, inside] = await Promise.all([
      made('kin_parents', PARENTS),
      made('kin_ran', RAN),
      made('kin_silent', silentOnes(version)),
      made('kin_eldest', ELDEST),
      made('kin_tellers', tellers(ofRuntimes(facts))),
      made('kin_inside', INSIDE),
    ]);
    const known: Known = { parents, ran, silent, eldest, tellers: of, inside };
    const own: Own = { pids, families, calm };
    return await work({
      ...own,
      close: () => close(store, own, known),
      count: () => countOf(store, own),
    });
  } finally {
    for (const drop of drops) await drop();
  }
}

interface Own {
  pids: string;
  families: string;
  calm: string;
}

interface Known {
  /** place, cluster, node, pid, ppid. */
  parents: string;
  /** place, pid, ppid, first_seen, devs: runs of programs of overlays. */
  ran: string;
  /** place, cluster, node, pid, is_calm, is_asked: who is known by his children alone, for a time at least, and of whom those beside him can tell something. */
  silent: string;
  /** place, ppid, cluster, node, pid. */
  eldest: string;
  /** place, dev, cluster, node, pid: who tells whose a device is. */
  tellers: string;
  /** cluster, node, container_id, pid: who tells that somebody is in a container. */
  inside: string;
}

const beside = (pid: string) => `arrayJoin(range(${pid} - ${PIDS_MAX}, ${pid} + ${PIDS_MAX + 1}))`;

const PARENTS = 'SELECT cityHash64(cluster, node) AS place, cluster, node, pid, ppid FROM process_runs FINAL';
const RAN = `
  SELECT cityHash64(cluster, node) AS place, pid, ppid, first_seen, exec_devs AS devs FROM process_runs FINAL WHERE notEmpty(exec_devs)`;

/** A family is calm by what is stored of it and by what is new: who tells of a parent, or runs what may place a child. Rows of earlier runs make some too loud. */
const silentOnes = (version: number): string => `
  WITH (cluster, node, pid) IN
  (
      SELECT cluster, node, pid FROM processes WHERE seen = 'child' AND parent_key != ''
      UNION ALL SELECT cluster, node, ${beside('pid')} FROM process_runs WHERE version = ${version}
  ) AS is_asked
  SELECT DISTINCT cityHash64(cluster, node) AS place, cluster, node, pid, is_asked, NOT is_asked AND (cluster, node, pid) NOT IN
  (
      SELECT cluster, node, ppid FROM processes WHERE method IN (${SPEAKING.map(sqlString).join(', ')})
      UNION ALL SELECT cluster, node, pid FROM processes WHERE seen = 'child' AND method != ''
      UNION ALL SELECT cluster, node, pid FROM process_runs WHERE version = ${version}
      UNION ALL SELECT cluster, node, pid FROM named_pids WHERE version = ${version}
      UNION ALL SELECT cluster, node, ppid FROM process_runs WHERE version = ${version} AND (notEmpty(exec_devs) OR notEmpty(cgroup_ids))
  ) AS is_calm
  FROM processes WHERE seen = 'child'`;

const ELDEST = `
  SELECT DISTINCT cityHash64(c.cluster, c.node) AS place, p.pid AS ppid, c.cluster AS cluster, c.node AS node, c.pid AS pid
  FROM (SELECT cluster, node, pid, parent_key, first_seen FROM processes WHERE parent_key != '') AS c
  INNER JOIN (SELECT cluster, node, pid, process_key, first_seen FROM processes WHERE seen = 'child') AS p
      ON c.cluster = p.cluster AND c.node = p.node AND c.parent_key = p.process_key AND c.first_seen = p.first_seen`;

/** What runtimes' own programs are read from tells of no container. */
const ofRuntimes = (facts: readonly NodeFacts[]): string => {
  const devices = facts.flatMap((f) =>
    f.runtime_devices.map((dev) => `(${[f.cluster, f.node, dev].map(sqlString).join(', ')})`),
  );
  return devices.length === 0 ? '0' : `(cluster, node, dev) IN (${devices.join(', ')})`;
};

/** The first process of a container that runc was not seen to name a device for; any, where nobody has the device from runc. */
function tellers(isOfRuntimes: string): string {
  const known = '(cluster, node, container_id) IN (SELECT cluster, node, container_id FROM containers FINAL)';
  const named = `SELECT cluster, node, dev, container_id FROM rootfs_devices FINAL WHERE ${known}`;
  return `
    SELECT DISTINCT cityHash64(cluster, node) AS place, toString(dev) AS dev, cluster, node, pid FROM processes ARRAY JOIN exec_devs AS dev
    WHERE container_id != '' AND NOT (${isOfRuntimes})
      AND (exec_id = '' AND method IN ('runtime-pid', 'runtime-call') AND (cluster, node, dev, container_id) NOT IN (${named})
           OR (cluster, node, dev) NOT IN (SELECT cluster, node, dev FROM (${named})))`;
}

const INSIDE = `
  SELECT cluster, node, container_id, arrayJoin(if(countIf(is_sure) > 0, [argMinIf(of, process_key, is_sure)], groupUniqArray(of))) AS pid
  FROM (SELECT cluster, node, container_id, process_key, pid AS of, method IN ('cgroup', 'runtime-pid') AND NOT setup AS is_sure FROM processes FINAL WHERE container_id != '')
  GROUP BY cluster, node, container_id`;

const among = (table: string, pid = 'pid') => `(place, ${pid}) IN (SELECT place, pid FROM ${table})`;

async function close(store: Store, own: Own, known: Known): Promise<boolean> {
  const run = (sql: string) => store.run(`${sql} ${ENTITY_SETTINGS}`, {}, 'background');
  const repeat = async (work: () => Promise<unknown>): Promise<boolean> => {
    let before = -1;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const count = await countOf(store, own);
      if (count === before) return true;
      before = count;
      await work();
    }
    return false;
  };
  let isEnded = true;
  const done = await repeat(async () => {
    const ended = await repeat(async () => {
      for (const sql of relatives(own, known)) await run(sql);
    });
    isEnded &&= ended;
    for (const sql of witnesses(own, known)) await run(sql);
  });
  return isEnded && done;
}

/** Ancestors, and the children of parents that left no event, at all or before a child. */
function relatives({ pids, families, calm }: Own, { parents, silent, eldest }: Known): string[] {
  const isSilent = `pid > 1 AND (NOT ${among(parents)} OR ${among(silent)}) AND NOT ${among(families)} AND NOT ${among(calm)}`;
  const isCalm = `(place, pid) IN (SELECT place, pid FROM ${silent} WHERE is_calm)`;
  const told = `(${PLACED}) SELECT DISTINCT ${PLACED}`;
  const isBeside = `(place, pid) IN (SELECT place, ${beside('pid')} FROM ${families} WHERE NOT ${among(`(SELECT place, pid FROM ${silent} WHERE NOT is_asked)`)})`;
  return [
    `INSERT INTO ${pids} (${PLACED}) SELECT DISTINCT cluster, node, ppid FROM ${parents} WHERE ${among(pids)} AND ppid > 0 AND NOT ${among(pids, 'ppid')}`,
    `INSERT INTO ${families} ${told} FROM ${pids} WHERE ${isSilent} AND NOT ${isCalm}`,
    `INSERT INTO ${calm} ${told} FROM ${pids} WHERE ${isSilent} AND ${isCalm}`,
    `INSERT INTO ${pids} (${PLACED})
     SELECT DISTINCT ${PLACED} FROM ${parents} WHERE ${among(families, 'ppid')} AND NOT ${among(pids)}
     UNION ALL SELECT DISTINCT ${PLACED} FROM ${eldest} WHERE ${among(calm, 'ppid')} AND NOT ${among(pids)}
     UNION ALL SELECT DISTINCT ${PLACED} FROM ${parents} WHERE ${isBeside} AND NOT ${among(pids)}
     UNION ALL SELECT DISTINCT ${PLACED} FROM ${silent} WHERE ${isBeside} AND NOT ${among(pids)}`,
  ];
}

/** Who tells whose a device is, and whether somebody is in the containers that a shim has just started before a child of it, and in its sandbox. */
function witnesses({ pids }: Own, { ran, tellers, inside }: Known): string[] {
  return [
    `INSERT INTO ${pids} (${PLACED}) SELECT DISTINCT ${PLACED} FROM ${tellers}
     WHERE (place, dev) IN (SELECT place, arrayJoin(devs) FROM ${ran} WHERE ${among(pids)}) AND NOT ${among(pids)}`,
    // START_LATE_MS_MAX in place-by-runtime.ts
    `INSERT INTO ${pids} (${PLACED})
     WITH
         children AS (SELECT place, ppid, first_seen FROM ${ran} WHERE ${among(pids)}),
         meant AS
         (
             SELECT DISTINCT c.cluster, c.node, c.container_id
             FROM (SELECT cityHash64(cluster, node) AS place, cluster, node, ppid, time, container_id FROM runtime_calls WHERE verb = 'start') AS c
             INNER JOIN children AS r ON c.place = r.place AND c.ppid = r.ppid
             WHERE c.time <= r.first_seen AND c.time >= r.first_seen - INTERVAL 2 SECOND
             UNION ALL
             SELECT DISTINCT cluster, node, container_id FROM runtime_calls WHERE verb = 'shim' AND (cityHash64(cluster, node), pid) IN (SELECT place, ppid FROM children)
         )
     SELECT DISTINCT ${PLACED} FROM ${inside}
     WHERE (cluster, node, container_id) IN (SELECT * FROM meant) AND (cityHash64(cluster, node), pid) NOT IN (SELECT place, pid FROM ${pids})`,
  ];
}

async function countOf(store: Store, { pids, families, calm }: Own): Promise<number> {
  const of = (table: string) => `(SELECT uniqExact(place, pid) FROM ${table})`;
  const sql = `SELECT ${of(pids)} + ${of(families)} + ${of(calm)} AS n`;
  const [row] = await store.rows(sql, {}, 'background');
  return Number(row?.['n'] ?? 0);
}
