// Rules of one log source over its rows: one scan that tests them all, and, for rules that ask what only the bytes can
// tell, a second one over the rows that may match. Of many events only those are looked at that a rule may concern (sieve.ts).
import { z } from 'zod';
import { type Store, sqlString } from '../../store/store.ts';
import { type Compiled, compile } from '../compile/compile.ts';
import type { Expression } from '../language/expression.ts';
import type { EventRule } from '../language/rule.ts';
import type { Events, RowOptions, Source } from '../sources/source.ts';
import { openSieve, type Residue, type Sieve } from './sieve.ts';

/** An event that rules match. */
export interface Hit {
  cluster: string;
  node: string;
  time: string;
  event_key: string;
  event_id: string;
  digests: string[];
  principal: string;
  namespace: string;
  pod: string;
  pod_uid: string;
  container_id: string;
  process_key: string;
  words: Record<string, string>;
  /** Values of the fields that correlations group by and count, by name. */
  values: Record<string, string>;
  rules: EventRule[];
}

/** As HitRow has them. */
export const HIT_COLUMNS = `cluster, node, toString(time) AS time, event_key, event_id, arrayMap(d -> lower(hex(d)), digests) AS digests,
    principal, namespace, pod, pod_uid, container_id, process_key, words, values`;

export const HitRow = z.object({
  cluster: z.string(),
  node: z.string(),
  time: z.string(),
  event_key: z.string(),
  event_id: z.string(),
  digests: z.array(z.string()),
  principal: z.string(),
  namespace: z.string(),
  pod: z.string(),
  pod_uid: z.string(),
  container_id: z.string(),
  process_key: z.string(),
  words: z.record(z.string(), z.string()),
  values: z.record(z.string(), z.string()),
});
const ScannedRow = HitRow.extend({ hits: z.array(z.coerce.number()) });

// The engine's parser reads 256 KiB of a query by default; a rule's condition is some hundred bytes to a few thousand.
const CONDITIONS_BYTES_MAX = 150_000;
// Rows are wide: the engine must neither join blocks of the usual size nor turn a join round and hold the rows themselves in memory
// (measured: more than 3.7 GB for 160,000 Kubernetes events, a tenth of it so). Paths into bytes hold every step of a block at once.
const settings = (rows: number) =>
  `SETTINGS max_block_size = ${rows}, max_joined_block_size_rows = ${rows}, query_plan_join_swap_table = 'false',
     query_plan_optimize_join_order_limit = 0, join_use_nulls = 0, output_format_json_quote_64bit_integers = 0`;
const ROWS_OF_BLOCK = 8192;
const ROWS_OF_BLOCK_WITH_BYTES = 512;

/** What is scanned. */
export type Rows = Pick<Source, 'field' | 'constraint' | 'rows' | 'partOf' | 'events'>;

interface Prepared {
  rule: EventRule;
  compiled: Compiled;
  exact: string;
  bound: string;
  /** Joins of the whole rule: words of its hits come from them, whatever is left to test. */
  joins: ReadonlySet<string>;
  /** Of what is left to test of the rule; without it, of a sieved rule, the events that it is known to match. */
  residue?: Residue;
}

export interface ScanOptions {
  /** Fields whose values correlations need; of hits of one rule, where that is not all. */
  fields?: readonly string[];
  askedOf?: (rule: EventRule) => readonly string[];
  /** RowOptions.within */
  within?: string | undefined;
  /** From so many events on texts are looked for together; it changes what a scan costs, never what it finds. */
  rowsOfLarge?: number;
}

export async function* scan(
  store: Store,
  source: Rows,
  rules: readonly EventRule[],
  options: ScanOptions = {},
): AsyncIterable<Hit> {
  for await (const one of scans(store, source, rules, options)) yield* run(store, one);
}

interface Scan {
  /** Rules by the numbers, from 1, that column `hits` has for them. */
  ofNumber: readonly EventRule[];
  /** A SELECT of columns of a hit, times and digests as the engine has them. */
  sql: string;
  settings: string;
}

/** The statements of a scan; each rule is in one of them. */
export async function* scans(
  store: Store,
  source: Rows,
  rules: readonly EventRule[],
  { fields = [], askedOf = () => fields, within, rowsOfLarge = ROWS_OF_LARGE }: ScanOptions = {},
): AsyncIterable<Scan> {
  const asked = { fields, askedOf, within };
  const { events } = source;
  const rows = events === undefined ? 0 : await rowsOf(store, events, within);
  if (events === undefined || rows < rowsOfLarge) return yield* scansOf(source, byPart(source, rules), asked);
  const sieve = await openSieve(store, { ...source, events }, rules, within ?? '1');
  try {
    const numbered = { all: rules, sieve, events };
    yield* scansOf(source, [{ rules: sieve.told, sieved: numbered }], asked);
    yield* scansOf(source, byPart(source, sieve.open), asked);
  } finally {
    await sieve.close();
  }
}

// The engine takes some tenths of a second to make itself ready for the sieve; over fewer rows testing all of them is as fast.
const ROWS_OF_LARGE = 100_000;

async function rowsOf(store: Store, { table }: Events, within = '1'): Promise<number> {
  const [row] = await store.rows(`SELECT count() AS rows FROM ${table} WHERE ${within}`);
  // of an empty table a spared store has no row (skip-empty.ts)
  return Number(row?.['rows'] ?? 0);
}

/** Rules to be tested on the same rows. */
interface Share {
  rules: readonly EventRule[];
  part?: string | undefined;
  sieved?: Sieved;
}

/** Only what a sieve left of the events. */
interface Sieved {
  sieve: Sieve;
  events: Events;
  /** Rules by their places in the sieve's lists. */
  all: readonly EventRule[];
}

interface Asked extends Required<Pick<ScanOptions, 'fields' | 'askedOf'>> {
  within: string | undefined;
}

function* scansOf(source: Rows, shares: readonly Share[], { fields, askedOf, within }: Asked): Iterable<Scan> {
  const needsRaw = ({ rule, compiled }: Prepared) =>
    compiled.needsRaw || askedOf(rule).some((name) => source.field(name)?.from === 'raw');
  for (const { rules, part, sieved } of shares) {
    const isFew = sieved && sieved.sieve.events < EVENTS_FEW;
    const amongOf = (group: readonly Prepared[]) =>
      sieved?.sieve.among(
        group.filter(({ residue }) => residue === undefined).map(({ rule }) => rule),
        residuesOf(group),
      );
    const prepared = rules.flatMap((rule) =>
      sieved ? prepareLeft(source, rule, sieved.sieve) : prepare(source, rule),
    );
    const direct = prepared.filter((one) => !needsRaw(one));
    const withRaw = prepared.filter(needsRaw);
    for (const group of inGroups(direct))
      yield scanOf(
        source,
        group,
        fields,
        { part, parts: partsOf(source, group, sieved), within, among: amongOf(group), isFew },
        sieved,
      );
    for (const group of inGroups(withRaw)) {
      const among = amongOf(group);
      const joins = joinsOf(source, group, fields);
      const possible = group.map(({ bound }) => bound).join(' OR ');
      const { columns, from } = source.rows({ joins, part, within });
      const rawFor =
        among === undefined
          ? `SELECT event_key FROM (SELECT ${columns}, ${possible} AS possible FROM ${from}) WHERE possible`
          : `SELECT event_key FROM (${among})`;
      yield scanOf(
        source,
        group,
        fields,
        { part, parts: partsOf(source, group, sieved), rawFor, within, among, isFew },
        sieved,
      );
    }
  }
}

// Looking processes up takes a set of their keys, which of many costs more than joining all.
const EVENTS_FEW = 20_000;

/** The parts of what a sieve left that alone can pass; undefined where an event is known to match: any of its rows may tell of it. */
function partsOf(source: Rows, group: readonly Prepared[], sieved: Sieved | undefined): RowOptions['parts'] {
  if (!sieved) return undefined;
  const ofPart = new Map<string, Residue[]>();
  for (const { residue } of group) {
    const part = residue && source.partOf?.(residue.condition);
    if (!residue || part === undefined) return undefined;
    ofPart.set(part, [...(ofPart.get(part) ?? []), residue]);
  }
  return [...ofPart].map(([part, residues]) => ({ part, among: sieved.sieve.among([], residues) }));
}

function byPart(source: Rows, rules: readonly EventRule[]): Share[] {
  const parts = new Map<string | undefined, EventRule[]>();
  for (const rule of rules) {
    const part = source.partOf?.(rule.condition);
    parts.set(part, [...(parts.get(part) ?? []), rule]);
  }
  return [...parts].map(([part, ofPart]) => ({ part, rules: ofPart }));
}

function prepare(source: Rows, rule: EventRule): Prepared {
  const compiled = compile(rule.condition, source.field);
  const constraint = source.constraint(rule.logsource);
  const within = (sql: string) => (constraint === undefined ? sql : `(${constraint} AND ${sql})`);
  return { rule, compiled, exact: within(compiled.exact), bound: within(compiled.bound), joins: compiled.joins };
}

/** What the category asks of a row is answered. */
function prepareLeft(source: Rows, rule: EventRule, sieve: Sieve): Prepared[] {
  const { joins } = compile(rule.condition, source.field);
  const left = (condition: Expression) => {
    const compiled = compile(condition, source.field);
    return { rule, compiled, exact: compiled.exact, bound: compiled.bound, joins };
  };
  return [left(ANYTHING), ...sieve.residuesOf(rule).map((residue) => ({ ...left(residue.condition), residue }))];
}

const ANYTHING: Expression = { kind: 'and', of: [] };

const residuesOf = (group: readonly Prepared[]) =>
  group.map(({ residue }) => residue).filter((residue) => residue !== undefined);

function inGroups(prepared: readonly Prepared[]): Prepared[][] {
  const groups: Prepared[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const one of prepared) {
    const size = one.exact.length + (one.bound === one.exact ? 0 : one.bound.length);
    if (bytes + size > CONDITIONS_BYTES_MAX) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(one);
    bytes += size;
  }
  return groups;
}

function joinsOf(source: Rows, group: readonly Prepared[], fields: readonly string[]): Set<string> {
  const joins = new Set(group.flatMap((one) => [...one.joins]));
  for (const name of fields) {
    const join = source.field(name)?.join;
    if (join !== undefined) joins.add(join);
  }
  return joins;
}

function scanOf(
  source: Rows,
  group: readonly Prepared[],
  fields: readonly string[],
  rows: Omit<RowOptions, 'joins'>,
  sieved: Sieved | undefined,
): Scan {
  const { columns, from } = source.rows({ joins: joinsOf(source, group, fields), ...rows });
  const tested = sieved ? leftOpen(group, sieved) : group.map(({ exact }, i) => `if(${exact}, ${i + 1}, 0)`);
  const passed = tested.length === 0 ? '[]' : `arrayFilter(h -> h > 0, [${tested.join(',\n')}])`;
  const sql = `
    SELECT ${columns},
        ${valuesSql(source, fields, rows.rawFor !== undefined)} AS values,
        ${sieved ? `arrayConcat(arrayMap(p -> p + 1, left_settled), ${passed})` : passed} AS hits
    FROM ${from} ${sieved && rows.among !== undefined ? joinOf(sieved.events, rows.among) : ''}
    WHERE notEmpty(hits)`;
  return {
    ofNumber: sieved?.all ?? group.map(({ rule }) => rule),
    sql,
    settings: settings(rows.rawFor === undefined ? ROWS_OF_BLOCK : ROWS_OF_BLOCK_WITH_BYTES),
  };
}

// a condition is tried where what stands before it holds
function leftOpen(group: readonly Prepared[], { all }: Sieved): string[] {
  return group.flatMap(({ rule, exact, residue }) =>
    residue ? [`if(has(left_doubtful, ${residue.number}) AND ${exact}, ${all.indexOf(rule) + 1}, 0)`] : [],
  );
}

const joinOf = ({ alias, key }: Events, among: string) => `
INNER JOIN
(
    SELECT settled AS left_settled, doubtful AS left_doubtful, ${key.map((name) => `${name} AS left_${name}`).join(', ')} FROM (${among})
) AS kept ON ${key.map((name) => `left_${name} = ${alias}.${name}`).join(' AND ')}`;

/** @param time RFC 3339 */
export const timeSql = (time: string): string => `parseDateTime64BestEffort(${sqlString(time)}, 9, 'UTC')`;

function valuesSql(source: Rows, fields: readonly string[], hasRaw: boolean): string {
  const pairs = fields.flatMap((name) => {
    const field = source.field(name);
    if (!field || (field.from === 'raw' && !hasRaw)) return [];
    return [sqlString(name), field.many ? `arrayStringConcat(${field.sql}, ',')` : `toString(${field.sql})`];
  });
  return pairs.length === 0 ? "map('', '')" : `map(${pairs.join(', ')})`;
}

async function* run(store: Store, { ofNumber, sql, settings: how }: Scan): AsyncIterable<Hit> {
  const readable = `SELECT ${HIT_COLUMNS}, hits FROM (${sql}) ${how}`;
  for await (const row of store.stream(readable)) {
    const { hits, ...hit } = ScannedRow.parse(row);
    yield { ...hit, rules: hits.flatMap((n) => ofNumber[n - 1] ?? []) };
  }
}
