// `vestige reindex`: typed rows and dead letters derived again from the records, in place, while queries and imports go on.
// Window by window the decoders write what the records give; a row of the same event replaces the one before. Rows of these
// records that are not made any more go at the end. Killed at any moment, it leaves old and new rows, each right by its
// decoder; run again, it does all of it again.
import {
  DECODE_SETTINGS,
  needOfWindow,
  selectRows,
  TYPED_TABLES,
  type Typed,
  type TypedTable,
} from './decode/decode.ts';
import { type Window, windowsOf } from './decode/windows.ts';
import { markJob } from './store/cursors.ts';
import { withScratchTable } from './store/scratch.ts';
import type { Store } from './store/store.ts';

export interface ReindexOptions {
  source?: string;
  /** RFC 3339: only records of this event time and later. */
  since?: string;
}

export interface Reindexed {
  windows: number;
  /** Rows written, by typed table. */
  rows: Record<TypedTable, number>;
  dead_letters: number;
  /** Rows that are not made any more, typed ones and dead letters. */
  removed: number;
  /** False when it was stopped: run it again. */
  finished: boolean;
  seconds: number;
}

export interface ReindexDependencies {
  store: Store;
  now: () => Date;
  stop: AbortSignal;
  onProgress: (done: number, all: number) => void;
}

export async function reindex(options: ReindexOptions, deps: ReindexDependencies): Promise<Reindexed> {
  const { store, now, stop, onProgress } = deps;
  const started = now().getTime();
  const work: { typed: Typed; windows: Window[] }[] = [];
  for (const typed of TYPED_TABLES) {
    if (options.source !== undefined && options.source !== typed.source) continue;
    work.push({ typed, windows: await windowsOf(store, typed.source, options.since) });
  }
  const all = work.reduce((sum, { windows }) => sum + windows.length, 0);
  // also one that is killed leaves other rows behind
  await markJob(store, 'reindex', now());
  const done: Reindexed = {
    windows: 0,
    rows: { k8s_audit: 0, auditd: 0, runtime: 0, collector_notices: 0 },
    dead_letters: 0,
    removed: 0,
    finished: true,
    seconds: 0,
  };
  for (const { typed, windows } of work) {
    await withScratchTable(store, `${typed.table}_seen`, SEEN, async (seen) => {
      let decoder = 0;
      for (const window of windows) {
        if (stop.aborted) return;
        decoder = Math.max(decoder, await deriveWindow(store, typed, window, seen, done));
        onProgress(++done.windows, all);
      }
      done.removed += await removeStale(store, typed, seen, decoder);
      if (options.since === undefined) done.removed += await removePlanted(store, typed);
    });
  }
  done.finished = !stop.aborted;
  // conclusions are older than the rows now (analytics/doctor)
  await markJob(store, 'reindex', now());
  return { ...done, seconds: (now().getTime() - started) / 1000 };
}

// What was gone through: every record with row 0, and with the hash of each row it is part of. A digest's first eight bytes
// name it well enough among the records of one store.
const SEEN = '(digest UInt64, row UInt64) ENGINE = MergeTree ORDER BY (digest, row)';
const NO_ROW = 0;
const DEAD_LETTER = 1;
const short = (digest: string) => `reinterpretAsUInt64(substring(${digest}, 1, 8))`;
const hashOf = (key: string) => `sipHash64(${key})`;

async function deriveWindow(
  store: Store,
  typed: Typed,
  window: Window,
  seen: string,
  done: Reindexed,
): Promise<number> {
  const { table, source, key, madeOf } = typed;
  const params = { ...window, source };
  const run = (sql: string) => store.run(sql, params, 'background');
  return withScratchTable(store, table, `AS ${table} ENGINE = MergeTree ORDER BY tuple()`, (again) =>
    withScratchTable(store, 'dead_letters', 'AS dead_letters ENGINE = MergeTree ORDER BY tuple()', async (dead) => {
      // first: what is derived are these records, and perhaps some that came since
      await run(`INSERT INTO ${seen} SELECT ${short('digest')}, ${NO_ROW} FROM ${seenRecords}`);
      const need = await needOfWindow(store, table, params);
      if (need) await run(`INSERT INTO ${again} ${selectRows(table, 'window', need)} ${DECODE_SETTINGS}`);
      await run(`INSERT INTO ${dead} ${selectRows('dead_letters', 'window')} ${DECODE_SETTINGS}`);
      await run(`INSERT INTO ${seen}
        SELECT ${short('d')}, ${hashOf(key)} FROM ${again} ARRAY JOIN ${madeOf} AS d
        UNION ALL SELECT ${short('digest')}, ${DEAD_LETTER} FROM ${dead}`);
      await run(`INSERT INTO ${table} SELECT * FROM ${again}`);
      await run(`INSERT INTO dead_letters SELECT * FROM ${dead}`);
      const [row] = await store.rows(
        `SELECT count() AS rows, max(bitShiftRight(version, 32)) AS decoder, (SELECT count() FROM ${dead}) AS dead FROM ${again}`,
        {},
        'background',
      );
      done.rows[table] += Number(row?.['rows']);
      done.dead_letters += Number(row?.['dead']);
      return Number(row?.['decoder']);
    }),
  );
}

// The records of the window that are done coming in.
const seenRecords = `(SELECT digest FROM records_all WHERE source = {source:String}
  AND event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC'))`;

// Sets of this many digests are some hundred megabytes in the engine.
const SLICE_RECORDS = 2_000_000;

// A row is stale when a record it was made of was gone through and did not make it again, or a newer decoder made it.
// Rows of records that came meanwhile are left alone.
async function removeStale(store: Store, { table, source, key, madeOf }: Typed, seen: string, decoder: number) {
  const [row] = await store.rows(`SELECT count() AS n FROM ${seen}`, {}, 'background');
  const slices = Math.max(1, Math.ceil(Number(row?.['n']) / SLICE_RECORDS));
  let removed = 0;
  for (let slice = 0; slice < slices; slice++) {
    const inSlice = `(SELECT * FROM ${seen} WHERE digest % ${slices} = ${slice})`;
    const gone = (digest: string, hash: string) => `${short(digest)} % ${slices} = ${slice}
      AND ${short(digest)} IN (SELECT digest FROM ${inSlice}) AND (${short(digest)}, ${hash}) NOT IN ${inSlice}`;
    const newer = `(${short(`${madeOf}[1]`)} IN (SELECT digest FROM ${inSlice}) AND bitShiftRight(version, 32) > ${decoder})`;
    removed += await removeRows(store, table, rowHash(key), `(${gone(`${madeOf}[1]`, hashOf(key))}) OR ${newer}`);
    const dead = gone('digest', `toUInt64(${DEAD_LETTER})`);
    removed += await removeRows(store, 'dead_letters', DEAD_LETTER_HASH, `source = '${source}' AND ${dead}`);
  }
  return removed;
}

// Rows made of no record at all: left by an import that was killed, or put there.
const known =
  'SELECT digest FROM staged UNION ALL SELECT digest FROM records UNION ALL SELECT digest FROM records_kept';
const removePlanted = (store: Store, { table, key, madeOf }: Typed): Promise<number> =>
  removeRows(store, table, rowHash(key), `NOT arrayExists(d -> d IN (${known}), ${madeOf})`);

// Names a row as it lies there, whatever else has its key.
const rowHash = (key: string) => `sipHash64(${key}, version)`;
const DEAD_LETTER_HASH = 'sipHash64(cluster, source, node, digest, reason)';
// The engine reads statements of at most 256 KiB.
const HASHES_PER_STATEMENT = 10_000;

// Without FINAL: below a row may lie an older one of the same key.
// A mutation outlives its process and is done again by the next: it must name rows by themselves, not by a scratch table.
async function removeRows(store: Store, table: TypedTable | 'dead_letters', hash: string, where: string) {
  const rows = await store.rows(
    `SELECT DISTINCT toString(${hash}) AS h FROM ${table} WHERE ${where}`,
    {},
    'background',
  );
  const hashes = rows.map((row) => String(row['h']));
  for (let at = 0; at < hashes.length; at += HASHES_PER_STATEMENT) {
    const some = hashes.slice(at, at + HASHES_PER_STATEMENT).join(', ');
    await store.run(
      `ALTER TABLE ${table} DELETE WHERE ${hash} IN (${some}) SETTINGS mutations_sync = 2`,
      {},
      'background',
    );
  }
  return hashes.length;
}
