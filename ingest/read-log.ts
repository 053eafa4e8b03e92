// One log to records with their envelopes: bytes -> lines, or items of a list -> records -> a sink. What is no log of the three sources is
// left alone.
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { type Books, createBookkeeper, emptyBooks } from './books.ts';
import { type AuditEvent, createAuditEventFramer } from './frame/audit-events.ts';
import { emptyHeader, readAuditHeader } from './frame/audit-header.ts';
import { nodeOf, separatesEvents } from './frame/audit-json.ts';
import { createItemCutter, type Item } from './frame/json-items.ts';
import { isListLine, peek } from './frame/json-layout.ts';
import { isSeveral, itemsOf } from './frame/line-items.ts';
import { ReadError, splitLines } from './frame/lines.ts';
import { type Format, isAuditJson, recognise, type Source, sourceOf } from './frame/recognise.ts';
import type { Envelope } from './load/segment.ts';

export interface ReadOptions {
  source?: Source;
  cluster?: string;
  node?: string;
}

export interface FileProblem {
  path: string;
  kind: 'unreadable' | 'nothing-known' | 'empty' | 'damaged';
  detail: string;
}

/** Where records go, one after the other. */
export interface Sink {
  readonly loader: string;
  /** Takes a copy of the bytes. */
  append(
    envelope: Envelope,
    record: { position: number; receivedAtUs: number; lines: number; format: Format; raw: Buffer },
  ): void;
  /** Heard after every chunk of a log: the place to hold up the reader. */
  chunkIsRead(): Promise<void>;
}

interface Dependencies {
  sink: Sink;
  now: () => Date;
  stop: AbortSignal;
}

interface LogDone {
  known: boolean;
  /** Empty for a log that is not known: nothing of it was taken. */
  books: Books;
  problem?: FileProblem;
}

// A file of another kind shows no known line early; a log may begin with a screenful of something else.
const RECOGNISE_BYTES = 256 * 1024;
const CLUSTER_DEFAULT = 'default';
const NOTHING_KNOWN = 'holds no Kubernetes audit, auditd or container runtime records';

/** @param path of the file the bytes come from: names the stream, and a node.json beside it says whose logs these are */
export async function readLog(
  path: string,
  chunks: AsyncIterable<Buffer>,
  options: ReadOptions,
  { sink, now, stop }: Dependencies,
): Promise<LogDone> {
  const envelopes = createEnvelopes(path, options, sink.loader);
  const receivedAtUs = now().getTime() * 1000;
  const framer = createAuditEventFramer();
  const keeper = createBookkeeper();
  const header = emptyHeader();
  const seen: Item[] = [];
  let known: Format | undefined =
    options.source === 'auditd' || options.source === 'k8s-audit' ? options.source : undefined;

  const put = (format: Format, offset: number, raw: Buffer, lines: number, node = '') => {
    const source = format === 'unknown' || format === 'oversized' ? sourceIn(known) : sourceOf[format];
    keeper.deliver(raw.length, lines);
    sink.append(envelopes.of(source, node), { position: offset, receivedAtUs, lines, format, raw });
  };
  const putEvents = (events: readonly AuditEvent[]) => {
    for (const event of events) put('auditd', event.offset, event.bytes, event.lines, event.node);
  };
  const take = (bytes: Buffer, from: number, to: number, offset: number) => {
    if (readAuditHeader(bytes, from, to, header)) return putEvents(framer.push(bytes, from, to, header, offset));
    const line = bytes.subarray(from, to);
    const format = recognise(line);
    if (isSeveral(line)) takeList(line, offset);
    else if (format !== 'unknown') put(format, offset, line, 1, isAuditJson(format) ? nodeOf(format, line) : '');
    else if (isListLine(line)) takeList(line, offset);
    else if (known === 'auditd' && separatesEvents(line)) framer.ignore(line.length);
    else put(format, offset, line, 1);
  };
  const takeItem = ({ bytes, offset, whole, newlines }: Item, base = 0) => {
    if (!whole) return put('oversized', base + offset, bytes, newlines + 1);
    if (newlines === 0 && readAuditHeader(bytes, 0, bytes.length, header))
      return putEvents(framer.push(bytes, 0, bytes.length, header, base + offset));
    const format = recognise(bytes);
    put(format, base + offset, bytes, newlines + 1, isAuditJson(format) ? nodeOf(format, bytes) : '');
  };
  const takeList = (line: Buffer, offset: number) => {
    let items = 0;
    let around = line.length;
    for (const item of itemsOf(line)) {
      if (items++ > 0) keeper.countFurther(1);
      around -= item.bytes.length;
      takeItem(item, offset);
    }
    keeper.ignore({ lines: items === 0 ? 1 : 0, bytes: around });
  };
  // of what came before the log was known: whether it is known now, and what came before is taken
  const look = (item: Item, takeSeen: (early: Item) => void): boolean => {
    const format = item.whole ? formatOf(item.bytes) : 'unknown';
    if (format === 'unknown') {
      seen.push({ ...item, bytes: Buffer.from(item.bytes) });
      return false;
    }
    known = format;
    for (const early of seen.splice(0)) takeSeen(early);
    return true;
  };
  const lookAtLine = (line: Buffer, offset: number, whole: boolean): boolean =>
    look({ bytes: line, offset, whole, newlines: 0 }, (early) => {
      if (early.whole) take(early.bytes, 0, early.bytes.length, early.offset);
      else put('oversized', early.offset, early.bytes, 1);
    });
  const isUnknownFor = (offset: number) => known === undefined && offset > RECOGNISE_BYTES;

  /** Both say whether the log is worth reading on. */
  const readLines = async (all: AsyncIterable<Buffer>): Promise<boolean> => {
    for await (const block of splitLines(all)) {
      if (stop.aborted) break;
      keeper.readLines(block);
      const { bytes, offset, ends, count, whole } = block;
      for (let i = 0, from = 0; i < count; from = (ends[i++] as number) + 1) {
        const to = ends[i] as number;
        if (keeper.isBlank(bytes, from, to)) continue;
        if (known === undefined && !lookAtLine(bytes.subarray(from, to), offset + from, whole)) {
          if (isUnknownFor(offset + to)) return false;
        } else if (whole) take(bytes, from, to, offset + from);
        else put('oversized', offset + from, bytes.subarray(from, to), 1);
      }
      framer.leaveChunk();
      await sink.chunkIsRead();
    }
    return true;
  };
  const readItems = async (all: AsyncIterable<Buffer>): Promise<boolean> => {
    const cutter = createItemCutter();
    const takeOrLook = (item: Item) => {
      if (known !== undefined || look(item, takeItem)) takeItem(item);
    };
    for await (const chunk of all) {
      if (stop.aborted) return true;
      for (const item of cutter.push(chunk)) {
        takeOrLook(item);
        if (isUnknownFor(item.offset + item.bytes.length)) return false;
      }
      framer.leaveChunk();
      await sink.chunkIsRead();
    }
    for (const item of cutter.end()) takeOrLook(item);
    keeper.readAround(cutter.around());
    return true;
  };

  const damage: { problem?: FileProblem } = {};
  const { isList, all } = await peek(keeper.readChunks(untilDamage(path, chunks, damage)));
  const worthReading = await (isList ? readItems(all) : readLines(all));
  if (!worthReading) return unknown(path, 'nothing-known', NOTHING_KNOWN);
  putEvents(framer.end());
  keeper.ignore(framer.ignored);
  const { books } = keeper;
  const { problem } = damage;
  if (known !== undefined) return { known: true, books, ...(problem ? { problem } : {}) };
  if (problem) return { known: false, books: emptyBooks(), problem };
  return books.bytes === 0
    ? unknown(path, 'empty', 'the file is empty')
    : unknown(path, 'nothing-known', NOTHING_KNOWN);
}

/** A damaged log ends where the damage is: what was begun there is kept, and counted, as at the end of any log. */
async function* untilDamage(
  path: string,
  chunks: AsyncIterable<Buffer>,
  damage: { problem?: FileProblem },
): AsyncIterable<Buffer> {
  try {
    yield* chunks;
  } catch (error) {
    if (!(error instanceof ReadError)) throw error; // of the store: no fault of the file
    damage.problem = { path, kind: 'damaged', detail: `${error.message}; what could be read before is kept` };
  }
}

/** Of a line or an item; of a list, that of the first item of a format we know. */
function formatOf(bytes: Buffer): Exclude<Format, 'oversized'> {
  const format = recognise(bytes);
  if (format !== 'unknown' || !isListLine(bytes)) return format;
  for (const item of itemsOf(bytes)) {
    const inside = recognise(item.bytes);
    if (inside !== 'unknown') return inside;
  }
  return 'unknown';
}

const unknown = (path: string, kind: FileProblem['kind'], detail: string): LogDone => ({
  known: false,
  books: emptyBooks(),
  problem: { path, kind, detail },
});

function sourceIn(known: Format | undefined): Source {
  return known === undefined || known === 'unknown' || known === 'oversized' ? 'runtime' : sourceOf[known];
}

/** A directory may say whose logs it holds, in a file `node.json`. */
const Manifest = z.object({
  cluster: z.string().optional(),
  node: z.string().optional(),
  boot_id: z.string().optional(),
});

/** How an import names itself on records and in the books. */
export const collectorHere = (): string => `import@${hostname()}`;

// The node of a record: what the user says, else the line's own node= prefix, else the directory's manifest.
function createEnvelopes(path: string, options: ReadOptions, loader: string) {
  const manifest = readManifest(dirname(resolve(path)));
  const made = new Map<string, Envelope>();
  return {
    of: (source: Source, prefix: string): Envelope => {
      const node = source === 'k8s-audit' ? '' : (options.node ?? (prefix || (manifest.node ?? '')));
      const key = `${source} ${node}`;
      const envelope = made.get(key) ?? {
        source,
        cluster: options.cluster ?? manifest.cluster ?? CLUSTER_DEFAULT,
        node,
        collector: collectorHere(),
        bootId: source === 'auditd' ? (manifest.boot_id ?? '') : '',
        stream: resolve(path),
        loader,
      };
      made.set(key, envelope);
      return envelope;
    },
  };
}

function readManifest(directory: string): z.infer<typeof Manifest> {
  const path = join(directory, 'node.json');
  if (!existsSync(path)) return {};
  try {
    return Manifest.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return {}; // some other program's node.json
  }
}
