// The table that `rules eval` scans: of each event the fields that its rules ask for, as many values of text, with whether the
// event has them and whether one is null. Events come in batches; each batch is a table in memory that goes again.
// For rules over Kubernetes audit the decoder (analytics/decode) makes of the same events what aliases stand for.
import { rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { DECODE_SETTINGS, selectRows } from '../../decode/decode.ts';
import { withScratchTable } from '../../store/scratch.ts';
import { type Store, sqlString } from '../../store/store.ts';
import type { Field } from '../compile/compile.ts';
import { fieldOf, leavesOf } from '../sources/json-event.ts';
import { madeField } from '../sources/k8s-audit.ts';
import type { Rows as RowsSql } from '../sources/source.ts';
import type { EvalEvent } from './eval.ts';
import { timeOf } from './event-time.ts';
import type { Rows } from './scan.ts';

export interface EvalTable {
  /** Over any events, and over those of Kubernetes audit. Whoever asks for a field makes it a column. */
  readonly sources: readonly [plain: Rows, kubernetes: Rows];
  /** Calls `work` with each batch in the table. */
  fill(
    events: AsyncIterable<EvalEvent> | Iterable<EvalEvent>,
    seen: { events: number; untimed: number },
    work: () => Promise<void>,
  ): Promise<void>;
}

/** How a field is named that must be the event's own. */
export const NATIVE = 'native:';

// A batch is scanned at once, and planning thousands of conditions takes seconds: batches are large. Their rows are held by
// the engine, some times the bytes of the file.
const BATCH_BYTES = 128 * 1024 * 1024;
const WRITE_BYTES = 1024 * 1024;

export function createEvalTable(store: Store, timeField: string | undefined): EvalTable {
  const own = new Map<string | undefined, number>();
  const made = new Map<string, number>();
  let from: Scanned = { plain: '', kubernetes: '' };
  const column = (name: string | undefined): Field => {
    const n = numberOf(own, name);
    return {
      sql: `v${n}`,
      many: true,
      from: 'columns',
      present: { sql: `p${n} > 0`, from: 'columns' },
      isNull: { sql: `p${n} = 2`, from: 'columns' },
    };
  };
  const withMade = (name: string): Field | undefined => {
    const known = madeField(name);
    if (!known) return name.startsWith('vestige.') ? undefined : column(name);
    if (known.field.join !== undefined) return undefined;
    const sql = `k${numberOf(made, name)}`;
    const present = { sql: `notEmpty(${sql})`, from: 'columns' as const };
    if (name.startsWith('vestige.')) return { sql, many: true, from: 'columns', present };
    const native = column(name);
    const either = { sql: `(${native.present.sql} OR notEmpty(${sql}))`, from: 'columns' as const };
    return { ...native, sql: `arrayConcat(${native.sql}, ${sql})`, present: known.adds ? native.present : either };
  };
  const plain: Rows = {
    field: (name) => (name?.startsWith('vestige.') ? undefined : column(name)),
    constraint: () => undefined,
    rows: () => rowsOf(from.plain),
  };
  const kubernetes: Rows = {
    ...plain,
    field: (name) => {
      if (name === undefined) return column(name);
      if (!name.startsWith(NATIVE)) return withMade(name);
      const bare = name.slice(NATIVE.length);
      return bare.startsWith('vestige.') ? withMade(bare) : column(bare);
    },
    rows: () => rowsOf(from.kubernetes),
  };
  return {
    sources: [plain, kubernetes],
    fill: async (events, seen, work) => {
      for await (const batch of inBatches(store, events, lineOf)) {
        await withScratchTable(store, 'eval', `(${structure()}) ENGINE = Memory`, async (name) => {
          const settings = 'SETTINGS input_format_defaults_for_omitted_fields = 1, max_threads = 1';
          await store.run(
            `INSERT INTO ${name} SELECT * FROM file(${sqlString(batch.path)}, 'JSONEachRow', ${sqlString(structure())}) ${settings}`,
          );
          rmSync(batch.path);
          await withDecoded(store, name, made, (decoded) => {
            from = decoded;
            return work();
          });
        });
        seen.events += batch.events;
        seen.untimed += batch.untimed;
      }
    },
  };

  function structure(): string {
    const fields = [...own.values()].map((n) => `v${n} Array(String), p${n} UInt8`);
    return ['n UInt64', 't Int64', 'timed UInt8', ...(made.size > 0 ? ['raw String'] : []), ...fields].join(', ');
  }

  function lineOf({ n, event }: EvalEvent) {
    const at = timeOf(event, timeField);
    const row: Record<string, unknown> = { n };
    if (at !== undefined) Object.assign(row, { t: Math.round(at), timed: 1 });
    if (made.size > 0) row['raw'] = JSON.stringify(event);
    for (const [name, i] of own) {
      const { values, present, isNull } = name === undefined ? leavesOf(event) : fieldOf(event, name);
      if (!present) continue;
      row[`p${i}`] = isNull ? 2 : 1;
      if (values.length > 0) row[`v${i}`] = values;
    }
    return { line: JSON.stringify(row), timed: at !== undefined };
  }
}

function numberOf<K>(known: Map<K, number>, key: K): number {
  const n = known.get(key) ?? known.size;
  known.set(key, n);
  return n;
}

const rowsOf = (from: string): RowsSql => ({
  columns: `'' AS cluster, '' AS node, fromUnixTimestamp64Milli(t, 'UTC') AS time, toString(n) AS event_key, event_key AS event_id,
    CAST([], 'Array(FixedString(32))') AS digests, '' AS principal, '' AS namespace, '' AS pod, '' AS pod_uid, '' AS container_id,
    '' AS process_key, map('timed', toString(timed)) AS words`,
  from,
});

const RECORDS = `'k8s-audit' AS source, '' AS cluster, raw, toFixedString(toString(n), 32) AS digest, '' AS loader, n AS seq,
  'k8s-audit' AS format, '' AS reason, true AS has_body, false AS is_mended`;

interface Scanned {
  plain: string;
  kubernetes: string;
}

// An event that the decoder makes nothing of has none of these fields.
async function withDecoded(
  store: Store,
  table: string,
  made: ReadonlyMap<string, number>,
  work: (from: Scanned) => Promise<void>,
): Promise<void> {
  if (made.size === 0) return work({ plain: table, kubernetes: table });
  const names = [...made.values()].map((n) => `k${n}`);
  const columns = [...made].map(([name, n]) => {
    const field = madeField(name)?.field;
    const values = field?.many ? `arrayMap(v -> toString(v), ${field.sql})` : `[toString(${field?.sql})]`;
    return `arrayFilter(v -> v != '', ${values}) AS k${n}`;
  });
  const decoded = selectRows('k8s_audit', { staged: `(SELECT ${RECORDS} FROM ${table})` });
  const structure = `(kn UInt64, ${names.map((name) => `${name} Array(String)`).join(', ')}) ENGINE = Memory`;
  await withScratchTable(store, 'eval_made', structure, async (of) => {
    await store.run(`INSERT INTO ${of} SELECT seq AS kn, ${columns.join(', ')} FROM (${decoded}) ${DECODE_SETTINGS}`);
    await work({
      plain: table,
      kubernetes: `(SELECT * FROM ${table} AS events LEFT JOIN ${of} AS made ON made.kn = events.n)`,
    });
  });
}

interface Batch {
  path: string;
  events: number;
  untimed: number;
}

async function* inBatches(
  store: Store,
  events: AsyncIterable<EvalEvent> | Iterable<EvalEvent>,
  lineOf: (event: EvalEvent) => { line: string; timed: boolean },
): AsyncIterable<Batch> {
  let batches = 0;
  const begin = async () => {
    const path = join(store.directory ?? '', 'tmp', `eval-${process.pid}-${++batches}.jsonl`);
    return {
      file: await open(path, 'w', 0o600),
      path,
      events: 0,
      untimed: 0,
      bytes: 0,
      lines: [] as string[],
      waiting: 0,
    };
  };
  let batch: Awaited<ReturnType<typeof begin>> | undefined;
  const write = async (to: NonNullable<typeof batch>) => {
    await to.file.write(to.lines.join(''));
    to.lines = [];
    to.waiting = 0;
  };
  for await (const event of events) {
    const { line, timed } = lineOf(event);
    batch ??= await begin();
    batch.lines.push(`${line}\n`);
    batch.events++;
    batch.untimed += timed ? 0 : 1;
    batch.bytes += line.length;
    batch.waiting += line.length;
    if (batch.waiting > WRITE_BYTES) await write(batch);
    if (batch.bytes < BATCH_BYTES) continue;
    await write(batch);
    await batch.file.close();
    yield batch;
    batch = undefined;
  }
  if (!batch) return;
  await write(batch);
  await batch.file.close();
  yield batch;
}
