// The embedded store: the engine in this process, or, when another process of this host owns the directory, that
// process's endpoint. Every owner answers on loopback, so a command works beside any other.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatQueryParams } from '@clickhouse/client-common';
import { type Endpoint, openEndpoint } from './endpoint.ts';
import { describeOwner, type Owner, readOwner, removeOwner, writeOwner } from './owner-file.ts';
import { openRemote } from './remote.ts';
import { SCRATCH_TABLES } from './scratch.ts';
import { openSessions, type Sessions, type TextParams } from './sessions.ts';
import { type Params, type Row, type Store, StoreError, sqlString } from './store.ts';

// A starting owner holds the lock some 300 ms before its owner file is there; a closing one the other way round.
const LOCK_WAIT_MS_MAX = 10_000;
const LOCK_RETRY_MS = 150;

/** What a store must hold before anybody works with it. */
export interface Schema {
  /** By the process that owns the directory alone, before others may speak to it: two at once would each find half of the other's. */
  bring(store: Store): Promise<void>;
  /** By those that speak to an owner. */
  check(store: Store): Promise<void>;
}

export async function openEmbedded(
  location: string,
  directory: string,
  command: string,
  schema: Schema,
): Promise<Store> {
  const home = resolve(directory);
  const deadline = Date.now() + LOCK_WAIT_MS_MAX;
  let refused = 0;
  for (;;) {
    const owner = readOwner(home);
    const beside = owner && (await openBeside(location, home, owner));
    if (beside) {
      await schema.check(beside).catch(async (error) => {
        await beside.close();
        throw error;
      });
      return beside;
    }
    try {
      mkdirSync(join(home, 'tmp'), { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new StoreError(
        'bad-location',
        `cannot make the store's directory ${home}: ${(cause as Error).message}`,
        false,
        { cause },
      );
    }
    const holder = lockHolder(home);
    if (holder !== undefined && Date.now() < deadline) {
      await sleep(LOCK_RETRY_MS); // without trying: the engine writes each refusal to stderr
      continue;
    }
    let sessions: Sessions;
    try {
      sessions = await openSessions(join(home, 'engine'));
    } catch (cause) {
      const elsewhere = (readOwner(home)?.host ?? hostname()) !== hostname(); // its process number says nothing here
      if (elsewhere || Date.now() > deadline) throw new StoreError('busy', busyMessage(home), true, { cause });
      // a holder that came or went just now is worth another try; the second failure without one is another fault
      if (lockHolder(home) === undefined && refused++ > 0) {
        throw new StoreError('not-a-store', `cannot open the store ${home}: ${reasonOf(cause)}`, false, { cause });
      }
      await sleep(LOCK_RETRY_MS);
      continue;
    }
    return own(location, home, sessions, command, schema);
  }
}

async function own(
  location: string,
  home: string,
  sessions: Sessions,
  command: string,
  schema: Schema,
): Promise<Store> {
  const temporary = join(home, 'tmp');
  for (const left of readdirSync(temporary)) rmSync(join(temporary, left), { recursive: true, force: true });
  // what killed jobs left half-way: nobody else can be at work before the owner file is there
  await sessions.in('write').run('TRUNCATE TABLE IF EXISTS staged');
  for (const { name } of await sessions.in('write').rows(SCRATCH_TABLES)) {
    await sessions.in('write').run(`DROP TABLE IF EXISTS ${String(name)} SYNC`);
  }
  let endpoint: Endpoint | undefined;
  const store: Store = {
    location,
    directory: home,
    readsLocalFiles: true,
    rows: (sql, params, lane = 'read') => sessions.in(lane).rows(sql, params),
    async *stream(sql, params = {}) {
      yield* jsonRows(sessions.in('read').bytes(sql, 'JSONEachRow', texts(params)));
    },
    bytes: (sql, format, params = {}) => sessions.in('read').bytes(sql, format, texts(params)),
    run: (sql, params, lane = 'write') => sessions.in(lane).run(sql, params),
    insert: async (table, rows) => {
      if (rows.length > 0) await sessions.in('write').insert(table, rows);
    },
    insertSegment: (target, select, { path, structure }, params) => {
      const source = `file(${sqlString(path)}, 'RowBinary', ${sqlString(structure)})`;
      return sessions.in('write').run(`INSERT INTO ${target} ${select.replace('{segment}', () => source)}`, params);
    },
    close: async () => {
      removeOwner(home); // first, so that nobody is sent to an endpoint that is closing
      await endpoint?.close();
      await sessions.close();
    },
  };
  try {
    await schema.bring(store);
    const token = randomBytes(24).toString('base64url');
    endpoint = await openEndpoint(sessions, token, temporary);
    writeOwner(home, {
      pid: process.pid,
      host: hostname(),
      command,
      since: new Date().toISOString(),
      address: endpoint.address,
      token,
    });
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

// Undefined when the owner file is a leftover: nobody answers at its address.
async function openBeside(location: string, directory: string, owner: Owner): Promise<Store | undefined> {
  if (owner.host !== hostname()) return undefined;
  try {
    return await openRemote({
      location,
      url: owner.address,
      username: 'vestige',
      password: owner.token,
      local: { directory },
    });
  } catch (error) {
    if (error instanceof StoreError && error.code === 'unreachable') return undefined;
    throw error;
  }
}

async function* jsonRows(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Row> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield JSON.parse(line) as Row;
  }
  if (rest !== '') yield JSON.parse(rest) as Row;
}

function texts(params: Params): TextParams {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, formatQueryParams({ value })]));
}

// The engine's error does not tell a held lock from other faults, but its lock file names the process that holds it, and
// stays behind when that was killed. A number used again by another process costs a wait, no more.
function lockHolder(home: string): number | undefined {
  try {
    const pid = Number(/^PID: (\d+)/.exec(readFileSync(join(home, 'engine', 'status'), 'utf8'))?.[1]);
    if (!Number.isInteger(pid) || pid === process.pid) return undefined;
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? Number.NaN : undefined; // alive, of another user
  }
}

function reasonOf(error: unknown): string {
  const causes: string[] = [];
  for (let e: unknown = error; e instanceof Error; e = e.cause) causes.push(e.message);
  return causes.join(': ');
}

function busyMessage(home: string): string {
  const owner = readOwner(home);
  const pid = lockHolder(home);
  const holder = owner ? describeOwner(owner) : pid ? `process ${pid}, which left no owner file` : 'another process';
  return `the store ${home} is held by ${holder} and does not answer; end that process or use another --store`;
}
