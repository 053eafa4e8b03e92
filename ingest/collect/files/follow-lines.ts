// A log that is followed, line by line, into a collector's place: records and the checkpoint they were made by go in together, so that after
// any end of the process the next one goes on where the last commit left off.
import { z } from 'zod';
import type { Collected, CollectorPlace } from '../collector.ts';
import { createLineCutter } from './cut-lines.ts';
import { createDelivery } from './deliver.ts';
import { FilePosition } from './file-position.ts';
import { followFile } from './follow-file.ts';

export interface LineAt {
  /** `dev:inode` of the file. */
  file: string;
  offset: number;
  /** False for a piece of a line too long to hold. */
  whole: boolean;
}

/** Makes records of lines and puts them. They may lie in the bytes it was given: they are taken before `chunkEnds` is called. */
export interface LineReader {
  /** The line at `from` up to `to`, without its newline; blank ones do not come. */
  line(bytes: Buffer, from: number, to: number, at: LineAt): void;
  /** The bytes the lines lay in go. */
  chunkEnds?(): void;
  /** There was nothing to read: comes several times a second. */
  idle?(): void;
  /** What it needs to go on after a restart, JSON. */
  state?(): unknown;
  /** How much of what it was given its state holds. */
  openBytes?(): number;
}
export type Put = (record: Collected) => void;

const Checkpoint = z.object({
  version: z.literal(1),
  position: FilePosition,
  within: z.boolean(),
  reader: z.unknown().optional(),
});

export interface LinesOptions {
  path: string;
  source: Collected['source'];
  /** @param state what `state` gave before the restart, undefined at the first start */
  createReader: (state: unknown, put: Put) => LineReader;
}

// A checkpoint holds what is open. Where that is much (an event of several megabytes comes in), not every read writes it: records wait until
// they are as much, so that checkpoints never are much more than what was read.
const HEAVY_BYTES = 64 * 1024;

/** Resolves at `place.stop`. */
export async function followLines({ path, source, createReader }: LinesOptions, place: CollectorPlace): Promise<void> {
  const restored = readCheckpoint(path, place);
  const cutter = createLineCutter();
  const follower = followFile({
    ...{ path, from: restored?.position, stop: place.stop, now: place.now },
    say: (text) => place.say(text),
  });
  const delivery = createDelivery(place);
  const reader = createReader(restored?.reader, delivery.put);
  let file = restored?.position.file ?? '';
  let opened = false;
  let kept = restored === undefined ? '' : keyOf(restored.position.offset, restored.within);

  if (restored) cutter.begin({ offset: restored.position.offset, within: restored.within });
  const take = (lines: ReturnType<typeof cutter.push>) => {
    for (const { bytes, from, to, offset, whole } of lines)
      if (!isBlank(bytes, from, to)) reader.line(bytes, from, to, { file, offset, whole });
  };
  const keepPlace = (): void => {
    const { offset, within } = cutter.place();
    place.checkpoint(
      path,
      JSON.stringify({ version: 1, position: follower.positionAt(offset), within, reader: reader.state?.() }),
    );
    kept = keyOf(offset, within);
  };
  /** False at `stop`: what was not taken is read again. */
  const deliver = async (isAll: boolean): Promise<boolean> => {
    const made = delivery.waiting();
    const openBytes = reader.openBytes?.() ?? 0;
    if (!isAll && openBytes > HEAVY_BYTES && made.bytes < openBytes) {
      delivery.hold();
      reader.chunkEnds?.();
      return true;
    }
    while (!delivery.deliver()) if (!(await delivery.pace())) return false;
    // nothing is waited for between records and checkpoint: one commit has both
    reader.chunkEnds?.();
    const { offset, within } = cutter.place();
    if (made.records > 0 || keyOf(offset, within) !== kept) keepPlace();
    return await delivery.pace();
  };

  for await (const event of follower.events()) {
    switch (event.kind) {
      case 'opened': {
        const isRestored = event.file === restored?.position.file && event.offset === restored.position.offset;
        cutter.begin({ offset: event.offset, within: isRestored && restored.within });
        if (!isRestored || opened) kept = '';
        file = event.file;
        opened = true;
        break;
      }
      case 'bytes':
        take(cutter.push(event.bytes));
        break;
      case 'ended':
        take(cutter.end());
        break;
      case 'idle':
        reader.idle?.();
        break;
      case 'gap':
        place.report({ ...event.gap, source, stream: path });
    }
    if (file !== '' && !(await deliver(event.kind !== 'bytes'))) break;
  }
  await place.committed().catch(() => undefined); // said by the runtime; read again after the next start
}

const keyOf = (offset: number, within: boolean): string => `${offset} ${within}`;

function readCheckpoint(path: string, place: CollectorPlace): z.infer<typeof Checkpoint> | undefined {
  const text = place.restored(path);
  if (text === undefined) return undefined;
  try {
    return Checkpoint.parse(JSON.parse(text));
  } catch {
    place.say(`${path}: the checkpoint cannot be read; the log is read from its start`);
    return undefined;
  }
}

const SPACE = 0x20;
/** Empty, or white space alone: nothing was logged. */
function isBlank(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if ((bytes[at] as number) > SPACE) return false;
  return true;
}
