// Processes placed again after records came: those that what changed can concern (affected.ts), with those they need, among them as among all. What
// comes out otherwise than it is stored, before the moment from which on all are looked at, may concern others: then these are looked at too.
import { z } from 'zod';
import { insertInParts, instant, type Put } from '../../store/derived.ts';
import type { Row, Store } from '../../store/store.ts';
import type { News } from '../news.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
import { type Affected, type Also, sinceOf, withAffected } from './affected.ts';
import { SPEAKING } from './kin.ts';
import { areSame, noteFacts, readFacts, readNoted } from './node-facts.ts';
import { livesIn, placed, placeProcesses, read, rowsOf } from './place-processes.ts';
import type { Node } from './process-table.ts';

const text = z.string();
const number = z.coerce.number();
const flag = z.coerce.boolean();
const texts = z.array(text);
const place = { cluster: text, node: text };

/**
 * Brings table processes up to date.
 * @param lives what touchLives noted; undefined: all are made anew
 * @param made is told of the table that holds the processes made, before they take the place of those stored `within`
 */
export async function fillProcesses(
  store: Store,
  version: number,
  put: Put,
  lives: string | undefined,
  news: News,
  made: (table: string, within?: string) => Promise<void>,
): Promise<void> {
  const write = (rows: Iterable<Row>, within: string) =>
    put(
      'processes',
      async (into) => {
        await insertInParts(store, into, rows);
        await made(into, within);
      },
      within,
    );
  if (lives !== undefined && (await placeAffected(store, { version, lives, news }, write))) return;
  await put('processes', async (into) => {
    await placeProcesses(store, version, into);
    await made(into);
  });
  await noteFacts(store, await readFacts(store), version);
}

/** Notes in table `lives` (cluster, node, container_id, since) which containers live otherwise by table `made` than by those stored `within`, and from when on that can tell. */
export async function touchLives(store: Store, lives: string, made: string, within: string): Promise<void> {
  await store.run(
    `INSERT INTO ${lives}
     SELECT cluster, node, container_id,
            fromUnixTimestamp64Milli(greatest(toInt64(0), if(length(told) = 1 OR told[1].1 != told[2].1 OR told[1].3 != told[2].3, arrayMin(told.1), arrayMin(arrayFilter(t -> t > 0, told.2))) - 1000), 'UTC')
     FROM
     (
         SELECT cluster, node, container_id, groupArray((begins_at, ends_at, (sandbox_id, host_mounts))) AS told
         FROM (${livesIn(made)} UNION ALL ${livesIn('containers')} WHERE ${within})
         GROUP BY cluster, node, container_id
         HAVING length(told) = 1 OR told[1] != told[2]
     ) ${ENTITY_SETTINGS}`,
    {},
    'background',
  );
}

/** Where more than this many pids are affected, and a third of all, all are placed: that is no dearer. */
const PART_MAX = 20_000;
/** What comes out otherwise before the moment that was looked at moves it back; then all are placed. */
const ATTEMPTS_MAX = 4;

/**
 * Places those processes again that what changed in this run can concern.
 * @param run with what touchLives noted
 * @param write puts rows into table processes, where they take the place of those stored `within`
 * @returns false when all must be placed
 */
async function placeAffected(
  store: Store,
  run: { version: number; lives: string; news: News },
  write: (rows: Iterable<Row>, within: string) => Promise<void>,
): Promise<boolean> {
  const { version } = run;
  const noted = await readNoted(store);
  if (noted === undefined || (await isOfAll(store, version))) return false;
  return withAffected(store, run, noted, async (affected, more) => {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (!affected.isComplete || (await isMost(store, affected))) return false;
      const nodes: Node[] = [];
      for await (const part of placed(store, affected.kin.pids, noted)) nodes.push(...part);
      const also = await findOthers(store, affected, nodes);
      if (also === undefined) {
        await write(rowsOf(nodes, version), withinOf(affected));
        const facts = await readFacts(store, { noted, pids: affected.kin.pids, version });
        if (!areSame(noted, facts)) return false;
        await noteFacts(store, facts, version);
        return true;
      }
      await more(also);
    }
    return false;
  });
}

/** Forks name processes by numbers that may be anybody's; a boot parts all, but where its moment is only told more closely. */
async function isOfAll(store: Store, version: number): Promise<boolean> {
  const sql = `
    SELECT 1 FROM
    (
        SELECT 1 FROM process_runs WHERE notEmpty(forks) LIMIT 1
        UNION ALL
        SELECT 1 FROM boots WHERE version = {version:UInt64} GROUP BY cluster, node, boot HAVING count() != 2 OR sum(is_deleted) != 1 LIMIT 1
    )`;
  return (await store.rows(sql, { version }, 'background')).length > 0;
}

async function isMost(store: Store, affected: Affected): Promise<boolean> {
  const part = await affected.kin.count();
  if (part <= PART_MAX) return false;
  const [row] = await store.rows('SELECT uniq(cluster, node, pid) AS n FROM process_runs', {}, 'background');
  return part * 3 > Number(row?.['n'] ?? 0);
}

/** Rows of processes that are all placed again. */
const withinOf = ({ kin: { pids, families, calm } }: Affected): string =>
  `(seen IN ('exec', 'events') AND (cluster, node, pid) IN (SELECT cluster, node, pid FROM ${pids})
    OR seen = 'child' AND (cluster, node, pid) IN (SELECT cluster, node, pid FROM ${families} UNION ALL SELECT cluster, node, pid FROM ${calm}))`;

const storedRow = z.object({
  ...{ ...place, pid: number, process_key: text, parent_key: text, first_seen: number, container_id: text },
  method: text,
  ...{ confidence: number, setup: flag, seen: text, left_by: text, left_at: number, exec_devs: texts },
  ...{ exec_from_disk: flag, exec_id: text, exe: text, comm: text },
});
const STORED = `
  SELECT cluster, node, pid, process_key, parent_key, toUnixTimestamp64Milli(first_seen) AS first_seen, container_id, method, confidence, setup, seen,
         left_by, toUnixTimestamp64Milli(left_at) AS left_at, exec_devs, exec_from_disk, exec_id, exe, comm
  FROM processes FINAL`;
const keyOf = (p: { cluster: string; node: string; process_key: string }) =>
  `${p.cluster}\0${p.node}\0${p.process_key}`;
/** What others are placed by. */
const signature = (p: z.infer<typeof storedRow>): string =>
  JSON.stringify([
    ...[p.parent_key, p.container_id, p.method, Math.fround(p.confidence), p.setup, p.seen, p.left_by, p.left_at],
    ...[p.exec_devs, p.exec_from_disk, p.exec_id, p.exe, p.comm],
  ]);

/** What must be looked at besides: since when others may be placed otherwise too, parents whose children are not all here. */
async function findOthers(store: Store, affected: Affected, nodes: readonly Node[]): Promise<Also | undefined> {
  const since = await read(
    store,
    `SELECT cluster, node, toUnixTimestamp64Milli(since) AS since FROM ${sinceOf(affected.since)}`,
    z.object({ ...place, since: number }),
  );
  const from = new Map(since.map((s) => [`${s.cluster}\0${s.node}`, s.since]));
  const isOld = (p: { cluster: string; node: string; first_seen: number }) =>
    p.first_seen < (from.get(`${p.cluster}\0${p.node}`) ?? Number.POSITIVE_INFINITY);
  const stored = await read(store, `${STORED} WHERE ${withinOf(affected)}`, storedRow);
  const families = await readPids(store, affected.kin.families);
  const calm = await readPids(store, affected.kin.calm);
  for (const parent of families) calm.delete(parent);
  const ofCalm = (p: OfNode & { seen: string; pid: number }) => p.seen === 'child' && calm.has(pidOf(p));
  const before = new Map(stored.filter((p) => isOld(p) && !ofCalm(p)).map((p) => [keyOf(p), p]));
  const moved: (OfNode & { first_seen: number })[] = [];
  for (const node of nodes) {
    if (!isOld(node) || ofCalm(node)) continue;
    const was = before.get(keyOf(node));
    before.delete(keyOf(node));
    if (was === undefined || signature(was) !== signature(node)) moved.push(node);
  }
  moved.push(...before.values());
  const unknown = nodes.filter((n) => n.seen === 'child' && !families.has(pidOf(n)) && !calm.has(pidOf(n)));
  const loud = noLongerCalm(nodes, stored.filter(ofCalm), ofCalm);
  if (moved.length === 0 && unknown.length === 0 && loud.length === 0) return undefined;
  return {
    since: moved.map(({ cluster, node, first_seen }) => ({ cluster, node, since: instant(first_seen) })),
    families: [...unknown, ...loud].map(({ cluster, node, pid }) => ({ cluster, node, pid })),
  };
}

interface OfNode {
  cluster: string;
  node: string;
}
type Parent = OfNode & { pid: number };

/** Parents that come out otherwise by their eldest children than they are stored, or with a child that speaks for its family. */
function noLongerCalm(
  nodes: readonly Node[],
  stored: readonly z.infer<typeof storedRow>[],
  isOfCalm: (p: Node) => boolean,
): Parent[] {
  const before = new Map(stored.map((p) => [keyOf(p), p]));
  const parents = new Map(nodes.filter(isOfCalm).map((p) => [keyOf(p), p]));
  const others = [...parents].filter(([key, p]) => {
    const was = before.get(key);
    return was === undefined || signature(was) !== signature(p);
  });
  const gone = stored.filter((p) => !parents.has(keyOf(p)));
  const spoken = nodes.flatMap((child) => {
    const parent = SPEAKING.includes(child.method)
      ? parents.get(keyOf({ ...child, process_key: child.parent_key }))
      : undefined;
    return parent === undefined ? [] : [parent];
  });
  return [...others.map(([, p]) => p), ...gone, ...spoken];
}

const pidOf = (p: Parent) => `${p.cluster}\0${p.node}\0${p.pid}`;

async function readPids(store: Store, table: string): Promise<Set<string>> {
  const rows = await read(
    store,
    `SELECT DISTINCT cluster, node, pid FROM ${table}`,
    z.object({ ...place, pid: number }),
  );
  return new Set(rows.map(pidOf));
}
