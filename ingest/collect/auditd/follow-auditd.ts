// auditd's own log, followed through its rotation (audit.log -> audit.log.1 -> ...): events with the container of their process. The checkpoint
// holds the lines of events that are still open, so that a restart changes no record.
import { z } from 'zod';
import type { Collector } from '../collector.ts';
import { followLines, type LineReader, type Put } from '../files/follow-lines.ts';
import { type ContainerOfOptions, createContainerOf } from './container-of.ts';
import { createLiveEvents, type LiveRecord } from './live-events.ts';

export interface FollowAuditdOptions {
  /** Of the live file; also the name of the stream. */
  path: string;
  procRoot?: string | undefined;
}

export function createAuditdFollower({ path, ...options }: FollowAuditdOptions): Collector {
  return (place) =>
    followLines(
      {
        ...{ path, source: 'auditd' },
        createReader: (state, put) => {
          const known = readState(state, () =>
            place.say(`${path}: the checkpoint tells nothing of open events; those before it may come in two records`),
          );
          return createReader(path, { ...options, now: place.now }, known, put);
        },
      },
      place,
    );
}

const Open = z.object({
  ...{ key: z.string(), bytes: z.string(), offset: z.number(), lines: z.number() },
  ...{ touched_ms: z.number(), touched_line: z.number() },
  note: z.record(z.string(), z.string()).optional(),
});
const State = z.object({
  framer: z.object({
    ...{ lines: z.number(), log_ms: z.number(), next_sweep_ms: z.number() },
    open: z.array(Open).readonly(),
  }),
  /** Files of which lines are open: where each begins on one axis of all files, oldest first; and where the axis ends. */
  files: z.array(z.object({ file: z.string(), base: z.number() })),
  end: z.number(),
});
type State = z.infer<typeof State>;

function readState(state: unknown, onUnknown: () => void): State | undefined {
  if (state === undefined) return undefined;
  const read = State.safeParse(state);
  if (!read.success) onUnknown();
  return read.data;
}

function createReader(path: string, options: ContainerOfOptions, known: State | undefined, put: Put): LineReader {
  let files = known?.files ?? [];
  let end = known?.end ?? 0;
  const putRecord = ({ raw, offset, lines, node, note }: LiveRecord) => {
    const { file, base } = files.findLast((one) => one.base <= offset) ?? { file: '', base: 0 };
    put({ source: 'auditd', node, stream: path, position: offset - base, lines, attrs: { file, ...note }, raw });
  };
  const events = createLiveEvents({ noteOf: createContainerOf(options), put: putRecord, state: known?.framer });

  /** Where the axis begins for the file a line is of. Those that no open event is of are forgotten. */
  const baseOf = (file: string, offset: number): number => {
    const last = files.at(-1);
    if (last?.file === file && last.base + offset >= end) return last.base;
    const oldest = events.state().open.reduce((least, open) => Math.min(least, open.offset), end);
    const from = Math.max(
      0,
      files.findLastIndex(({ base }) => base <= oldest),
    );
    files = [...files.slice(from), { file, base: end }];
    return end;
  };
  return {
    line: (bytes, from, to, { file, offset, whole }) => {
      const at = offset + baseOf(file, offset);
      end = at + (to - from);
      events.line(bytes, from, to, at, whole);
    },
    chunkEnds: () => events.leaveChunk(),
    idle: () => events.closeHeld(),
    state: (): State => ({ framer: events.state(), files, end }),
    openBytes: () => events.openBytes(),
  };
}
