// `vestige ingest`: files and directories of logs into the store. Per file: bytes -> lines -> records -> segments -> store.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import type { Store } from '../analytics/store/store.ts';
import { type AuditEvent, createAuditEventFramer } from './frame/audit-events.ts';
import { type Line, ReadError, readUncompressed, splitLines } from './frame/lines.ts';
import { type Format, recognise, type Source, sourceOf } from './frame/recognise.ts';
import { dropAbandoned, type Loaded, loadSegment } from './load/load.ts';
import { batchName, createSegment, type Envelope, type Segment } from './load/segment.ts';

export interface ImportOptions {
  source?: Source;
  cluster?: string;
  node?: string;
}

export interface ImportProblem {
  path: string;
  kind: 'missing' | 'unreadable' | 'nothing-known' | 'empty' | 'damaged';
  detail: string;
}

export interface ImportSummary {
  records: number;
  duplicates: number;
  dead_letters: number;
  events: Loaded['events'];
  /** Bytes of the logs, uncompressed. */
  bytes: number;
  lines: number;
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

// A batch: large enough that its fixed cost (some ten statements) is small, small enough to bound the engine's memory.
const BATCH_RAW_BYTES = 48 * 1024 * 1024;
// A file of another kind shows no known line early; a log may begin with a screenful of something else.
const RECOGNISE_BYTES = 256 * 1024;
const CLUSTER_DEFAULT = 'default';

/** A directory may say whose logs it holds, in a file `node.json`. */
const Manifest = z.object({
  cluster: z.string().optional(),
  node: z.string().optional(),
  boot_id: z.string().optional(),
});

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
  const summary = { bytes: 0, lines: 0, files: 0, skipped: 0, problems: [] as ImportProblem[] };
  let bytesRead = 0;
  try {
    for (const { files, problem, explicit } of found) {
      if (problem) summary.problems.push(problem);
      let known = 0;
      for (const file of files) {
        if (deps.stop.aborted) break;
        const done = await importFile(file.path, options, deps.now, batches, (n) => {
          bytesRead += n;
          deps.onProgress({ bytesRead, bytesTotal, path: file.path });
        });
        summary.bytes += done.bytes;
        summary.lines += done.lines;
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
  return { ...batches.loaded(), ...summary, seconds: (deps.now().getTime() - start) / 1000 };
}

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

interface FileDone {
  known: boolean;
  bytes: number;
  lines: number;
  problem?: ImportProblem;
}

async function importFile(
  path: string,
  options: ImportOptions,
  now: () => Date,
  batches: Batches,
  onRead: (bytes: number) => void,
): Promise<FileDone> {
  const envelopes = createEnvelopes(path, options, now, batches.loader);
  const framer = createAuditEventFramer();
  const seen: Line[] = [];
  let known: Format | undefined =
    options.source === 'auditd' || options.source === 'k8s-audit' ? options.source : undefined;
  let bytes = 0;
  let lines = 0;

  const put = async (format: Format, offset: number, raw: Buffer, folded: number, node = '') => {
    const source = format === 'unknown' || format === 'oversized' ? sourceIn(known) : sourceOf[format];
    await batches.append(envelopes.of(source, node), { position: offset, lines: folded, format, raw });
  };
  const putEvents = async (events: readonly AuditEvent[]) => {
    for (const event of events) await put('auditd', event.offset, event.bytes, event.lines, event.node);
  };
  const take = async (line: Line) => {
    if (line.bytes.length === 0) return;
    const format = line.whole ? recognise(line.bytes) : 'oversized';
    if (format === 'auditd') await putEvents(framer.push(line));
    else await put(format, line.offset, line.bytes, 1);
  };

  let problem: ImportProblem | undefined;
  try {
    for await (const line of splitLines(readUncompressed(path, onRead))) {
      bytes += line.bytes.length + 1;
      lines++;
      if (known === undefined) {
        seen.push(line);
        const format = line.whole ? recognise(line.bytes) : 'unknown';
        if (format !== 'unknown') known = format;
        else if (bytes > RECOGNISE_BYTES)
          return {
            known: false,
            bytes: 0,
            lines: 0,
            problem: {
              path,
              kind: 'nothing-known',
              detail: 'holds no Kubernetes audit, auditd or container runtime records',
            },
          };
        if (known !== undefined) for (const early of seen.splice(0)) await take(early);
      } else {
        await take(line);
      }
    }
  } catch (error) {
    if (!(error instanceof ReadError)) throw error; // of the store: no fault of the file
    problem = { path, kind: 'damaged', detail: `${error.message}; what could be read before is kept` };
  }
  await putEvents(framer.end());
  if (known !== undefined) return { known: true, bytes, lines, ...(problem ? { problem } : {}) };
  const kind = bytes === 0 ? 'empty' : 'nothing-known';
  const detail = bytes === 0 ? 'the file is empty' : 'holds no Kubernetes audit, auditd or container runtime records';
  return { known: false, bytes: 0, lines: 0, problem: problem ?? { path, kind, detail } };
}

function sourceIn(known: Format | undefined): Source {
  return known === undefined || known === 'unknown' || known === 'oversized' ? 'runtime' : sourceOf[known];
}

// The node of a record: what the user says, else the line's own node= prefix, else the directory's manifest.
function createEnvelopes(path: string, options: ImportOptions, now: () => Date, loader: string) {
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
        collector: `import@${hostname()}`,
        bootId: source === 'auditd' ? (manifest.boot_id ?? '') : '',
        stream: resolve(path),
        loader,
        receivedAtMs: now().getTime(),
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

interface Batches {
  readonly loader: string;
  append(envelope: Envelope, record: { position: number; lines: number; format: Format; raw: Buffer }): Promise<void>;
  flush(): Promise<void>;
  loaded(): { records: number; duplicates: number; dead_letters: number; events: Loaded['events'] };
}

function createBatches(store: Store, temporary: string): Batches {
  const loader = `import-${randomUUID()}`;
  const total = { records: 0, duplicates: 0, dead_letters: 0, events: { k8s_audit: 0, auditd: 0, runtime: 0 } };
  let segment: Segment | undefined;
  let n = 0;
  let seq = 0;
  const flush = async () => {
    if (!segment) return;
    segment.close();
    const { path } = segment;
    segment = undefined;
    const loaded = await loadSegment(store, batchName(loader, n), path);
    rmSync(path);
    total.records += loaded.records;
    total.duplicates += loaded.duplicates;
    total.dead_letters += loaded.deadLetters;
    for (const table of ['k8s_audit', 'auditd', 'runtime'] as const) total.events[table] += loaded.events[table];
  };
  return {
    loader,
    flush,
    append: async (envelope, record) => {
      segment ??= createSegment(join(temporary, `${++n}.bin`));
      segment.append(envelope, { ...record, seq: ++seq });
      if (segment.rawBytes >= BATCH_RAW_BYTES) await flush();
    },
    loaded: () => total,
  };
}
