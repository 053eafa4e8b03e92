// What was already seen of Docker's events. The daemon keeps the latest 256 in memory and tells them again to who asks for events `since`
// a time: where the last one seen is among them, nothing was missed.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { CollectorPlace } from '../collector.ts';

/** Events get their time before they are told: one may be told after another that is younger. */
const OVERLAP_NS = 1_000_000_000n;
/** Marks kept of the last second; a busy node has some ten events in it, and the daemon remembers no more than this. */
const MARKS_MAX = 256;
const MARK_CHARACTERS = 11;

const State = z.object({ latestNs: z.string().regex(/^\d{1,19}$/), last: z.string(), marks: z.array(z.string()) });

export interface DockerReplay {
  /** For the query of the stream: where to begin; undefined where nothing was seen before. */
  since(): string | undefined;
  /** A stream begins. */
  begin(): void;
  /** @returns whether the event is new */
  take(line: Buffer, timeNano: bigint): boolean;
  /** Whether the last event seen before this stream was told again: then nothing is missing between. */
  isJoined(): boolean;
  /** Of the first new event of this stream: from there on the daemon told everything. */
  firstNs(): bigint | undefined;
}

export function createDockerReplay(place: CollectorPlace, stream: string): DockerReplay {
  const name = `${stream}#events`;
  const restored = restore(place.restored(name));
  let latestNs = BigInt(restored?.latestNs ?? 0);
  let last = restored?.last ?? '';
  let marks = new Map((restored?.marks ?? []).map((mark) => [mark, latestNs]));
  let joint = '';
  let isJoined = false;
  let firstNs: bigint | undefined;
  return {
    since() {
      if (latestNs === 0n) return undefined;
      const from = latestNs < OVERLAP_NS ? 0n : latestNs - OVERLAP_NS;
      return `${from / 1_000_000_000n}.${String(from % 1_000_000_000n).padStart(9, '0')}`;
    },
    begin() {
      joint = last;
      isJoined = false;
      firstNs = undefined;
    },
    take(line, timeNano) {
      const mark = createHash('sha256').update(line).digest('base64url').slice(0, MARK_CHARACTERS);
      if (mark === joint) isJoined = true;
      if (timeNano > 0n && marks.has(mark)) return false;
      firstNs ??= timeNano;
      if (timeNano > latestNs) latestNs = timeNano;
      last = mark;
      marks.set(mark, timeNano);
      const recent = [...marks].filter(([, at]) => at >= latestNs - OVERLAP_NS);
      if (recent.length < marks.size || marks.size > MARKS_MAX) marks = new Map(recent.slice(-MARKS_MAX));
      place.checkpoint(name, JSON.stringify({ latestNs: String(latestNs), last, marks: [...marks.keys()] }));
      return true;
    },
    isJoined: () => isJoined,
    firstNs: () => firstNs,
  };
}

function restore(text: string | undefined): z.infer<typeof State> | undefined {
  try {
    return State.safeParse(JSON.parse(text ?? 'null')).data;
  } catch {
    return undefined;
  }
}
