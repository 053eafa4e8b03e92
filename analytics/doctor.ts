// `vestige doctor`: is the store whole? Each check looks at one thing that must hold, and says what it saw.
import { statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TYPED_TABLES, type Typed } from './decode/decode.ts';
import books from './doctor-books.sql';
import undecoded from './doctor-undecoded.sql';
import planted from './evidence/derived-planted.sql';
import unsealed from './evidence/unsealed.sql';
import { type ExceptionState, listExceptions } from './queries/exceptions.ts';
import { describeOwner, readOwner } from './store/owner-file.ts';
import type { Params, Row, Store } from './store/store.ts';

/** `due`: nothing is wrong, but work waits to be done. */
export type Status = 'ok' | 'due' | 'problem';

export interface Check {
  check: string;
  status: Status;
  detail: string;
}

type Examine = (store: Store) => Promise<Omit<Check, 'check'>>;

/** Every check in turn; one that cannot be made is a problem of its own. */
export async function* examine(store: Store): AsyncIterable<Check> {
  for (const [check, look] of checks) {
    try {
      yield { check, ...(await look(store)) };
    } catch (error) {
      yield { check, ...problem(error instanceof Error ? error.message : String(error)) };
    }
  }
}

const ok = (detail: string) => ({ status: 'ok' as const, detail });
const due = (detail: string) => ({ status: 'due' as const, detail });
const problem = (detail: string) => ({ status: 'problem' as const, detail });

async function first(store: Store, sql: string, params: Params = {}): Promise<Row> {
  const [row] = await store.rows(sql, params, 'background');
  if (!row) throw new Error('the store gave no answer');
  return row;
}
const number = async (store: Store, sql: string, params: Params = {}) =>
  Number((await first(store, `SELECT (${sql}) AS n`, params))['n']);

const booksBalance: Examine = async (store) => {
  const row = await first(store, books);
  const [imports, unfinished, unbalanced] = [
    Number(row['imports']),
    Number(row['unfinished']),
    Number(row['unbalanced']),
  ];
  if (unbalanced > 0) return problem(`${unbalanced} of ${imports} imports, first ${row['first']}: ${row['reason']}`);
  const ended = unfinished > 0 ? `, ${unfinished} running or ended early: what they stored is whole` : '';
  return ok(`${imports} imports${ended}`);
};

const receiptsCover: Examine = async (store) => {
  const [records, receipts] = [
    await number(store, 'SELECT count() FROM records FINAL'),
    await number(store, 'SELECT count() FROM receipts FINAL'),
  ];
  const told = `${receipts} deliveries of ${records} records`;
  return receipts < records ? problem(`${told}: some were never received`) : ok(told);
};

const stagedIsEmpty: Examine = async (store) => {
  const row = await first(store, 'SELECT count() AS n, max(received_at) < now() - INTERVAL 1 DAY AS old FROM staged');
  if (Number(row['n']) === 0) return ok('no batch is on its way');
  return row['old']
    ? problem(`${row['n']} records of a batch that stopped on its way; the next import clears them`)
    : due(`${row['n']} records are on their way in`);
};

// Digests of this many records are a set of some hundred megabytes in the engine.
const SLICE_RECORDS = 2_000_000;

const recordsAreDecoded =
  ({ table, source, madeOf }: Typed): Examine =>
  async (store) => {
    const records = await number(store, 'SELECT count() FROM records_all WHERE source = {source:String}', { source });
    const dead = await number(store, 'SELECT count() FROM dead_letters FINAL WHERE source = {source:String}', {
      source,
    });
    const slices = Math.max(1, Math.ceil(records / SLICE_RECORDS));
    const sql = undecoded.replaceAll('{table}', table).replaceAll('{made_of}', madeOf);
    let bare = 0;
    let digest = '';
    for (let slice = 0; slice < slices; slice++) {
      const row = await first(store, sql, { source, slices, slice });
      if (bare === 0) digest = String(row['digest']);
      bare += Number(row['records']);
    }
    if (bare > 0)
      return problem(`${bare} records have no typed row and no dead letter, first ${digest}: run vestige reindex`);
    return ok(`${records} records, ${dead} of them dead letters`);
  };

const rowsHaveRecords =
  ({ table, madeOf }: Typed): Examine =>
  async (store) => {
    const row = await first(store, planted.replaceAll('{table}', table).replaceAll('{made_of}', madeOf));
    const rows = await number(store, `SELECT count() FROM ${table} FINAL`);
    return Number(row['rows']) > 0
      ? problem(`${row['rows']} of ${rows} rows are made of no record, first of ${row['digest']}: run vestige reindex`)
      : ok(`${rows} rows`);
  };

const decodersAgree: Examine = async (store) => {
  const versions = TYPED_TABLES.map(
    ({ table }) => `SELECT '${table}' AS t, bitShiftRight(version, 32) AS v FROM ${table} FINAL`,
  );
  const row = await first(
    store,
    `SELECT countIf(v < newest) AS older, any(t) AS t FROM (SELECT t, v, max(v) OVER (PARTITION BY t) AS newest FROM (${versions.join(' UNION ALL ')}))`,
  );
  return Number(row['older']) > 0
    ? due(`${row['older']} rows were made by an older decoder: run vestige reindex`)
    : ok('all rows of a table were made by one decoder');
};

const conclusionsAreFresh: Examine = async (store) => {
  const row = await first(
    store,
    `SELECT greatest((SELECT max(toUnixTimestamp64Milli(finished_at)) FROM imports FINAL WHERE records > 0),
                     (SELECT max(toUnixTimestamp64Milli(received_at)) FROM records),
                     (SELECT toInt64(max(version)) FROM cursors WHERE job = 'reindex'),
                     (SELECT intDiv(max(toUnixTimestamp64Micro(decided_at)), 1000) FROM baseline_decisions)) AS newest,
            greatest((SELECT max(toUnixTimestamp64Milli(loaded_at)) FROM lists),
                     (SELECT max(toUnixTimestamp64Milli(added_at)) FROM exceptions)) AS told,
            (SELECT max(version) FROM cursors WHERE job = 'correlate') AS correlated,
            (SELECT count() FROM records) AS records`,
  );
  if (Number(row['records']) === 0) return ok('no records yet');
  if (Number(row['correlated']) === 0) return due('nothing concluded yet: run vestige correlate');
  const at = new Date(Number(row['correlated'])).toISOString();
  if (Number(row['newest']) > Number(row['correlated']))
    return due(`records or decisions came after ${at}, when conclusions were drawn: run vestige correlate`);
  if (Number(row['told']) > Number(row['correlated']))
    return due(`lists or suppressions came after ${at}, when conclusions were drawn: run vestige correlate`);
  return ok(`drawn ${at}`);
};

const suppressionsHold: Examine = async (store) => {
  const all = await listExceptions(
    store,
    'suppression',
    new Date(await number(store, 'SELECT toUnixTimestamp(now()) * 1000')),
  );
  const hidden = all.reduce((sum, one) => sum + one.findings, 0);
  const named = (state: ExceptionState) => all.filter((one) => one.state === state).map(({ name }) => name);
  const words = [
    ...(named('expired').length > 0 ? [`${named('expired').join(', ')} expired: what comes now shows`] : []),
    ...named('idle').map((name) => `${name} hides nothing`),
  ];
  const told = `${all.length} suppressions hide ${hidden} findings`;
  return words.length > 0 ? due(`${told}; ${words.join('; ')}`) : ok(told);
};

const sealsCover: Examine = async (store) => {
  const sealed = await number(store, 'SELECT max(segment) FROM seals');
  const row = await first(store, unsealed, { sealed });
  if (Number(row['behind']) > 0)
    return problem(`${row['behind']} records stand where sealing had been: run vestige evidence verify`);
  return Number(row['records']) > 0
    ? due(`${row['records']} records are not sealed yet: run vestige evidence seal`)
    : ok(`${sealed} seals cover all records`);
};

const ownerIsKnown: Examine = async (store) => {
  if (store.directory === undefined) return ok(`a server: ${store.location}`);
  const owner = readOwner(store.directory);
  if (!owner) return problem(`no owner file beside ${store.directory}, though the store is open`);
  const mode = statSync(join(store.directory, 'owner.json')).mode & 0o777;
  if (mode & 0o077) return problem(`others can read the owner file, which holds the token (mode ${mode.toString(8)})`);
  return ok(`held by ${describeOwner(owner)}`);
};

// Merges write a part anew before the old ones go; below this an import may stop half-way.
const FREE_BYTES_MIN = 1e9;

const diskHasRoom: Examine = async (store) => {
  if (store.directory === undefined) return ok('of the server: not looked at');
  const { bavail, bsize } = statfsSync(store.directory);
  const free = bavail * bsize;
  const used = await number(
    store,
    'SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()',
  );
  const told = `${(free / 1e9).toFixed(1)} GB free, the store takes ${(used / 1e9).toFixed(2)} GB`;
  if (free < FREE_BYTES_MIN) return problem(told);
  return free < used ? due(`${told}: less than merges of its largest parts may need`) : ok(told);
};

const checks: readonly [string, Examine][] = [
  ['books of imports', booksBalance],
  ['receipts', receiptsCover],
  ['batches', stagedIsEmpty],
  ...TYPED_TABLES.map((typed): [string, Examine] => [`records of ${typed.source}`, recordsAreDecoded(typed)]),
  ...TYPED_TABLES.map((typed): [string, Examine] => [`rows of ${typed.table}`, rowsHaveRecords(typed)]),
  ['decoders', decodersAgree],
  ['conclusions', conclusionsAreFresh],
  ['suppressions', suppressionsHold],
  ['seals', sealsCover],
  ['owner', ownerIsKnown],
  ['disk', diskHasRoom],
];
