// `vestige ingest`: files and directories of logs into the store. Per file: bytes -> lines -> records -> segments -> store.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '../analytics/store/store.ts';
import { addBooks, type Books, emptyBooks, isBalanced } from './books.ts';
import { readUncompressed } from './frame/lines.ts';
import { dropAbandoned, type Loaded, loadSegment } from './load/load.ts';
import { batchName, createSegment, type FullSegment, type Segment } from './load/segment.ts';
import { collectorHere, type FileProblem, type ReadOptions, readLog, type Sink } from './read-log.ts';

export type ImportOptions = ReadOptions;

export type ImportProblem = FileProblem | { path: string; kind: 'missing'; detail: string };

export interface ImportSummary extends Books {
  records: number;
  duplicates: number;
  dead_letters: number;
  events: Loaded['events'];
  /** Whether what was read and what was stored meet (docs/reference/accounting.md). */
  balanced: boolean;
  files: number;
  /** Files of a directory that hold none of the three sources. */
  skipped: number;
  seconds: number;
  problems: ImportProblem[];
}

export interface Progress {
  bytesRead: number;
  bytesTotal: number;
  path: string;
}

export interface ImportDependencies {
  store: Store;
  now: () => Date;
  stop: AbortSignal;
  onProgress: (progress: Progress) => void;
}

// A batch: large enough that its fixed cost (some ten statements, a third of a second) is small; what waits on disk is three times as much.
const BATCH_RAW_BYTES = 256 * 1024 * 1024;

export async function importPaths(
  paths: readonly string[],
  options: ImportOptions,
  deps: ImportDependencies,
): Promise<ImportSummary> {
  const start = deps.now().getTime();
  const found = paths.map(findFiles);
  const bytesTotal = found.flatMap((f) => f.files).reduce((sum, f) => sum + f.bytes, 0);
  const temporary = mkdtempSync(join(deps.store.directory ? join(deps.store.directory, 'tmp') : tmpdir(), 'import-'));
  const batches = createBatches(deps.store, temporary);
  await dropAbandoned(deps.store);
  const openBooks = () => ({ loader: batches.loader, started_at: instant(start), collector: collectorHere() });
  await deps.store.insert('imports', [{ ...openBooks(), version: 1 }]);
  const books = emptyBooks();
  const summary = { files: 0, skipped: 0, problems: [] as ImportProblem[] };
  let bytesRead = 0;
  try {
    for (const { files, problem, explicit } of found) {
      if (problem) summary.problems.push(problem);
      let known = 0;
      for (const file of files) {
        if (deps.stop.aborted) break;
        const chunks = readUncompressed(file.path, (n) => {
          bytesRead += n;
          deps.onProgress({ bytesRead, bytesTotal, path: file.path });
        });
        const done = await readLog(file.path, chunks, options, { ...deps, sink: batches });
        addBooks(books, done.books);
        if (done.known) known++;
        else summary.skipped++;
        if (done.problem && (done.known || explicit || done.problem.kind === 'damaged'))
          summary.problems.push(done.problem);
      }
      summary.files += known;
      if (!explicit && files.length > 0 && known === 0) {
        summary.problems.push({
          path: paths[found.findIndex((f) => f.files === files)] ?? '',
          kind: 'nothing-known',
          detail: 'no file in it holds Kubernetes audit, auditd or container runtime records',
        });
      }
    }
    await batches.flush();
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  const loaded = batches.loaded();
  const { events: _, ...counts } = loaded;
  const ended = { finished_at: instant(deps.now().getTime()), files: summary.files, ...counts, ...books, version: 2 };
  await deps.store.insert('imports', [{ ...openBooks(), ...ended }]);
  const balanced = isBalanced(books, loaded.records + loaded.duplicates);
  return { ...loaded, ...books, balanced, ...summary, seconds: (deps.now().getTime() - start) / 1000 };
}

const instant = (ms: number) => new Date(ms).toISOString().replace('Z', '');

interface Found {
  files: { path: string; bytes: number }[];
  /** Set when the user named a file, not a directory. */
  explicit: string | undefined;
  problem?: ImportProblem;
}

function findFiles(path: string): Found {
  if (!existsSync(path))
    return { files: [], explicit: path, problem: { path, kind: 'missing', detail: 'no such file or directory' } };
  try {
    const stat = statSync(path);
    if (!stat.isDirectory()) return { files: [{ path, bytes: stat.size }], explicit: path };
    const files = readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((file) => ({ path: file, bytes: statSync(file, { throwIfNoEntry: false })?.size ?? 0 }));
    if (files.length > 0) return { files, explicit: undefined };
    return { files, explicit: undefined, problem: { path, kind: 'empty', detail: 'the directory holds no files' } };
  } catch (error) {
    return { files: [], explicit: path, problem: { path, kind: 'unreadable', detail: (error as Error).message } };
  }
}

interface Batches extends Sink {
  /** Loads all there is. */
  flush(): Promise<void>;
  loaded(): { records: number; duplicates: number; dead_letters: number; events: Loaded['events'] };
}

function createBatches(store: Store, temporary: string): Batches {
  const loader = `import-${randomUUID()}`;
  const total = { records: 0, duplicates: 0, dead_letters: 0, events: { k8s_audit: 0, auditd: 0, runtime: 0 } };
  let segment: Segment | undefined;
  const full: { batch: string; segment: FullSegment }[] = [];
  let onItsWay: Promise<void> = Promise.resolve();
  let n = 0;
  let seq = 0;
  const closeSegment = () => {
    if (!segment) return;
    segment.close();
    const { path, heads, blockRows } = segment; // and not its buffer
    full.push({ batch: batchName(loader, n), segment: { path, heads, blockRows } });
    segment = undefined;
  };
  const loadOne = async (batch: string, toLoad: FullSegment) => {
    const loaded = await loadSegment(store, batch, toLoad);
    rmSync(toLoad.path);
    total.records += loaded.records;
    total.duplicates += loaded.duplicates;
    total.dead_letters += loaded.deadLetters;
    for (const table of ['k8s_audit', 'auditd', 'runtime'] as const) total.events[table] += loaded.events[table];
  };
  // at most one batch is on its way into the store, while the next is read
  const load = async () => {
    for (let next = full.shift(); next; next = full.shift()) {
      await onItsWay;
      onItsWay = loadOne(next.batch, next.segment);
      onItsWay.catch(() => undefined); // told by whoever waits for it next
    }
  };
  return {
    loader,
    chunkIsRead: load,
    flush: async () => {
      closeSegment();
      await load();
      await onItsWay;
    },
    append: (envelope, record) => {
      segment ??= createSegment(join(temporary, `${++n}.bin`));
      segment.append(envelope, ++seq, record);
      if (segment.isFull(BATCH_RAW_BYTES)) closeSegment();
    },
    loaded: () => total,
  };
}
