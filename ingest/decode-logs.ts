// `vestige decode`: logs to decoded events, one JSON object a line, without a store that stays. Per log: bytes -> lines -> records
// -> segments -> staged in an engine of its own -> the decoders -> bytes. Order is that of the input, memory that of a segment.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import {
  countStaged,
  DECODE_SETTINGS,
  type Need,
  needOf,
  type Staged,
  selectRows,
  TYPED_TABLES,
  type Typed,
} from '../analytics/decode/decode.ts';
import { withStaged } from '../analytics/decode/staged.ts';
import { type Store, sqlString } from '../analytics/store/store.ts';
import { readUncompressed } from './frame/lines.ts';
import { stageSegment } from './load/load.ts';
import { createSegment, type FullSegment, type Segment } from './load/segment.ts';
import { type FileProblem, type ReadOptions, readLog, type Sink } from './read-log.ts';

export interface UndecodedRecord {
  stream: string;
  position: number;
  reason: string;
  detail: string;
}

interface Dependencies {
  /** Holds nothing but the schema; what is staged in it goes again. */
  store: Store;
  /** A directory for segments. */
  temporary: string;
  now: () => Date;
  stop: AbortSignal;
  /** Lines of decoded events, whole ones. */
  write: (lines: Uint8Array) => Promise<void> | void;
  onUndecoded: (record: UndecodedRecord) => void;
}

// The first events come soon; after that a batch is large enough that its fixed cost is small.
const FIRST_BATCH_BYTES = 1024 * 1024;
const BATCH_BYTES = 16 * 1024 * 1024;
// What a live pipe brings is decoded this long after it came.
const WAIT_MS_MAX = 1_000;

/** Decodes one log; `from` is a path or an open stream, `name` what it is called. */
export async function decodeLog(
  log: { name: string; from: string | AsyncIterable<Buffer> },
  options: ReadOptions,
  deps: Dependencies,
): Promise<FileProblem | undefined> {
  const sink = createSink(deps);
  try {
    const { problem } = await readLog(
      log.name,
      readUncompressed(log.from, () => {}),
      options,
      { ...deps, sink },
    );
    await sink.flush();
    return problem;
  } finally {
    sink.close();
  }
}

function createSink(deps: Dependencies): Sink & { flush(): Promise<void>; close(): void } {
  let segment: Segment | undefined;
  let timer: NodeJS.Timeout | undefined;
  let decoding: Promise<void> = Promise.resolve();
  let n = 0;
  let seq = 0;
  // one batch is decoded while the next is read
  const decodeNext = () => {
    clearTimeout(timer);
    const full = segment;
    segment = undefined;
    if (!full) return;
    full.close();
    decoding = decoding.then(() => decodeSegment(full, deps));
    decoding.catch(() => undefined); // told by whoever waits for it next
  };
  return {
    loader: 'decode',
    append: (envelope, record) => {
      if (!segment) {
        segment = createSegment(join(deps.temporary, `${++n}.bin`));
        timer = setTimeout(decodeNext, WAIT_MS_MAX);
      }
      segment.append(envelope, ++seq, record);
    },
    chunkIsRead: async () => {
      if (!segment?.isFull(n === 1 ? FIRST_BATCH_BYTES : BATCH_BYTES)) return;
      const before = decoding;
      decodeNext();
      await before;
    },
    flush: async () => {
      decodeNext();
      await decoding;
    },
    close: () => clearTimeout(timer),
  };
}

const Undecoded = z.object({ stream: z.string(), position: z.number(), reason: z.string(), detail: z.string() });

async function decodeSegment(segment: FullSegment, { store, stop, write, onUndecoded }: Dependencies) {
  if (stop.aborted) return;
  await withStaged(store, async (staged) => {
    await stageSegment(store, staged, segment);
    rmSync(segment.path);
    const counts = await countStaged(store, staged);
    for await (const lines of readLines(store, staged, counts)) {
      if (stop.aborted) return;
      await write(lines);
    }
    if (counts.dead > 0) {
      const sql = `SELECT stream, position, reason, detail FROM (${selectRows('dead_letters', { staged })}) ORDER BY stream, position`;
      for (const row of await store.rows(sql)) onUndecoded(Undecoded.parse(row));
    }
  });
}

const JSON_SETTINGS = `${DECODE_SETTINGS}, output_format_json_validate_utf8 = 1, output_format_json_escape_forward_slashes = 0`;

/** The events of a batch as lines of JSON, in the order of their records. */
async function* readLines(store: Store, staged: string, counts: Staged): AsyncIterable<Uint8Array> {
  const typed = TYPED_TABLES.filter(({ table }) => counts.tables[table].records > 0);
  const tables = await Promise.all(typed.map((t) => selectFields(store, staged, t, needOf(counts, t.table))));
  const [first, another] = tables;
  if (!first) return;
  if (!another) {
    const sql = `SELECT * EXCEPT (record_seq) FROM (${first.select}) ORDER BY record_seq ${JSON_SETTINGS}`;
    return yield* store.bytes(sql, 'JSONEachRow');
  }
  // tables of different columns: each row is made a line where it stands, which takes longer
  const events = tables.map(
    ({ fields, select }) =>
      `SELECT record_seq, formatRow('JSONEachRow', ${fields.join(', ')}) AS line FROM (${select})`,
  );
  const sql = `SELECT line FROM (${events.join(' UNION ALL ')}) ORDER BY record_seq ${JSON_SETTINGS}`;
  yield* store.bytes(sql, 'RawBLOB');
}

// Where the record lies is told by its digest; by whom and when it was loaded is nothing here.
const LEFT_OUT = ['loader', 'seq', 'version', 'digest', 'digests'];

/** Rows of a typed table: source, the columns in the types they are stored in, digests in hex; and record_seq to sort by. */
async function selectFields(
  store: Store,
  staged: string,
  { table, source, madeOf }: Typed,
  need: Need,
): Promise<{ fields: string[]; select: string }> {
  const columns = await store.rows(
    `SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String}
     AND name NOT IN {left_out:Array(String)} ORDER BY position`,
    { table, left_out: LEFT_OUT },
  );
  const united = madeOf === 'digests';
  const typed = columns.map(({ name, type }) => [name, `CAST(t.${name}, ${sqlString(String(type))})`]);
  const fields: [string, string][] = [
    ['source', `'${source}'`],
    ...(typed as [string, string][]),
    ['digest', `lower(hex(t.${united ? 'digests[1]' : 'digest'}))`],
    ...(united ? ([['digests', 'arrayMap(d -> lower(hex(d)), t.digests)']] as [string, string][]) : []),
  ];
  const named = fields.map(([name, expression]) => `${expression} AS ${name}`);
  return {
    fields: fields.map(([name]) => name),
    select: `SELECT t.seq AS record_seq, ${named.join(', ')} FROM (${selectRows(table, { staged }, need)}) AS t`,
  };
}
