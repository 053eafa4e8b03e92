// Where a collector under test works: records go to a file of frames, many waiting for one fdatasync, as a spool has them.
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { decodeEntry, encodeEntry, type RecordEntry } from '../../../spool/entry.ts';
import type { CollectorPlace, Gap } from '../../collector.ts';

export interface FilePlace extends CollectorPlace {
  readonly gaps: Gap[];
  readonly said: string[];
  readonly syncs: () => number;
  /** While set, nothing is taken (`emit`), or written (`committed`). */
  broken: 'emit' | 'committed' | undefined;
  end(): void;
}

/** @param path of the file, made when it is not there */
export async function openFilePlace(path: string): Promise<FilePlace> {
  closeSync(openSync(path, 'a'));
  const file = await open(path, 'a');
  const stop = new AbortController();
  const checkpoints = readEntries(path).checkpoints;
  const gaps: Gap[] = [];
  const said: string[] = [];
  const writer = createWriter(file);
  const place: FilePlace = {
    emit: (record) => {
      if (place.broken === 'emit') return false;
      const { raw, attrs = {}, node = '', ...rest } = record;
      const own = { cluster: 'test', collector: 'test@here', boot_id: 'boot', received_at: Date.now() * 1000 };
      writer.append(encodeEntry({ kind: 'record', meta: { ...rest, ...own, node, attrs }, raw }));
      return true;
    },
    checkpoint: (stream, state) =>
      writer.append(encodeEntry({ kind: 'checkpoint', stream, state: Buffer.from(state) })),
    restored: (stream) => checkpoints.get(stream),
    committed: () =>
      place.broken === 'committed' ? Promise.reject(new Error('no space left on device')) : writer.committed(),
    report: (gap) => void gaps.push(gap),
    say: (text) => void said.push(text),
    now: () => new Date(),
    stop: stop.signal,
    ...{ gaps, said, broken: undefined, syncs: writer.syncs, end: () => stop.abort() },
  };
  return place;
}

function createWriter(file: FileHandle) {
  let buffers: Buffer[] = [];
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let syncs = 0;
  const write = async () => {
    const now = buffers;
    buffers = [];
    if (now.length > 0) await file.appendFile(Buffer.concat(now));
    await file.datasync();
    syncs++;
  };
  return {
    append: (bytes: Buffer) => void buffers.push(bytes),
    syncs: () => syncs,
    committed: (): Promise<void> => {
      next ??= (running ?? Promise.resolve()).then(() => {
        running = next;
        next = undefined;
        return write();
      });
      return next;
    },
  };
}

/** What a file of frames holds, up to a torn end. */
export function readEntries(path: string): { records: RecordEntry[]; checkpoints: Map<string, string> } {
  const records: RecordEntry[] = [];
  const checkpoints = new Map<string, string>();
  if (!existsSync(path)) return { records, checkpoints };
  const bytes = readFileSync(path);
  for (let at = 0; ; ) {
    const decoded = decodeEntry(bytes, at);
    if (decoded.status !== 'entry') return { records, checkpoints };
    at += decoded.bytes;
    const { entry } = decoded;
    if (entry.kind === 'record') records.push(entry);
    else checkpoints.set(entry.stream, entry.state.toString());
  }
}
