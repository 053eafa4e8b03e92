// Every process inside a session: from the root of its tree down by descent, and for login sessions whatever carries their number.

import { insertInParts } from '../../store/derived.ts';
import type { Store } from '../../store/store.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
import type { Login } from './login-sessions.ts';
import children from './session-children.sql';

/** A process as session-roots.sql gives it. */
export interface RootCandidate {
  cluster: string;
  node: string;
  process_key: string;
  parent_key: string;
  pid: number;
  ses: number;
  container_id: string;
  first_us: number;
  is_first: boolean;
}

export interface Seed {
  cluster: string;
  session_id: string;
  node: string;
  process_key: string;
  depth: number;
  via: 'root' | 'ses';
}

/** Stands for a table of them all, read once. */
export const PROCESSES = /\bprocesses FINAL/g;

/** Deeper than any tree a person makes, and an end where records claim a circle. */
const DEPTH_MAX = 64;
/** The kernel stamps the first call of a process up to a tick before the record of the login. */
const TICK_US = 10_000;
/** A process that opens a session, or calls su, may have been there long before; its pid is its own for so long on a busy machine. */
const PID_HELD_US = 60_000_000;

/** Processes of each login session, and its root. Pure. */
export function seedLogins(logins: readonly Login[], processes: readonly RootCandidate[]): Seed[] {
  const bySes = group(
    processes.filter((p) => p.ses >= 0),
    (p) => `${p.cluster}\0${p.node}\0${p.ses}`,
  );
  const byPid = group(processes, (p) => `${p.cluster}\0${p.node}\0${p.pid}`);
  const opened = group(logins.filter(isLogin), (l) => `${l.cluster}\0${l.node}\0${l.ses}`);
  return logins.flatMap((login) => {
    const root = rootOf(login, byPid.get(`${login.cluster}\0${login.node}\0${login.pid}`) ?? []);
    if (!isLogin(login)) return root === undefined ? [] : [seed(login, root, 0, 'root')];
    const key = `${login.cluster}\0${login.node}\0${login.ses}`;
    // the same number again is another boot's
    const next = (opened.get(key) ?? []).find((l) => l.begun_us > login.begun_us)?.begun_us ?? Number.POSITIVE_INFINITY;
    const mine = (bySes.get(key) ?? []).filter(
      (p) => p === root || (p.first_us >= login.begun_us - TICK_US && p.first_us < next),
    );
    return withDepths(login, mine, root);
  });
}

const isLogin = (login: Login) => login.kind.startsWith('login');

function rootOf(login: Login, samePid: readonly RootCandidate[]): RootCandidate | undefined {
  const until = login.ended_us > 0 ? login.ended_us + TICK_US : login.begun_us + PID_HELD_US;
  const before = samePid.findLast((p) => p.first_us <= login.begun_us && p.first_us >= login.begun_us - PID_HELD_US);
  return before ?? samePid.find((p) => p.first_us > login.begun_us && p.first_us <= until);
}

function withDepths(login: Login, mine: readonly RootCandidate[], root: RootCandidate | undefined): Seed[] {
  const here = new Map(mine.map((p) => [p.process_key, p]));
  const depthOf = (p: RootCandidate): number => {
    let depth = p === root ? 0 : root === undefined ? 0 : 1;
    let at = here.get(p.parent_key);
    for (let n = 0; at !== undefined && at !== root && p !== root && n < DEPTH_MAX; n++) {
      depth++;
      at = here.get(at.parent_key);
    }
    return depth;
  };
  return mine.map((p) => seed(login, p, depthOf(p), p === root ? 'root' : 'ses'));
}

const seed = (login: Login, p: RootCandidate, depth: number, via: Seed['via']): Seed => ({
  cluster: p.cluster,
  session_id: login.session_id,
  node: p.node,
  process_key: p.process_key,
  depth,
  via,
});

/** Writes the trees that grow from the seeds. @param processes a table of them all */
export async function growTrees(
  store: Store,
  { into, processes }: { into: string; processes: string },
  seeds: readonly Seed[],
  version: number,
): Promise<void> {
  await insertInParts(
    store,
    into,
    seeds.map((s) => ({ ...s, version })),
  );
  const deepest = seeds.reduce((max, s) => Math.max(max, s.depth), 0);
  const next = children.replaceAll('{into}', into).replaceAll(PROCESSES, processes);
  for (let above = 0; seeds.length > 0 && above < DEPTH_MAX; above++) {
    await store.run(`${next} ${ENTITY_SETTINGS}`, { above, version }, 'background');
    const [row] = await store.rows(
      `SELECT count() AS n FROM ${into} FINAL WHERE version = {version:UInt64} AND depth = {below:UInt16}`,
      { version, below: above + 1 },
      'background',
    );
    if (Number(row?.['n'] ?? 0) === 0 && above >= deepest) return;
  }
}

function group<T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const same = groups.get(key(row));
    if (same === undefined) groups.set(key(row), [row]);
    else same.push(row);
  }
  return groups;
}
