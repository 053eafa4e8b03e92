// Bytes of a log that is followed, cut to lines with their offsets; what has no newline yet waits. As ingest/frame/lines.ts does with a whole
// file, but pushed, and with a place to go on after a restart.
import { LINE_BYTES_MAX } from '../../frame/lines.ts';

export interface CutLine {
  /** Lies in the chunk it came in, where it could: use it before the next. */
  bytes: Buffer;
  /** Line: from `from` up to `to`, where its newline stands. */
  from: number;
  to: number;
  offset: number;
  /** False for a piece of a line that was too long to hold. */
  whole: boolean;
}

/** Where to go on: from `offset`, which lies within a line of which pieces were given already, or at a line's start. */
export interface LinePlace {
  offset: number;
  within: boolean;
}

export interface LineCutter {
  push(chunk: Buffer): Generator<CutLine>;
  /** The last line of a file that is finished. */
  end(): Generator<CutLine>;
  /** Of what was not given yet. Only between chunks. */
  place(): LinePlace;
  /** Another file, or the same one anew. */
  begin(place: LinePlace): void;
}

const NEWLINE = 10;
const NOTHING = Buffer.alloc(0);

export function createLineCutter(lineBytesMax = LINE_BYTES_MAX): LineCutter {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let offset = 0;
  let within = false;

  const hold = (bytes: Buffer) => {
    if (bytes.length === 0) return;
    rest.push(Buffer.from(bytes));
    restBytes += bytes.length;
  };
  /** What waited, and the bytes that follow it. */
  const taken = (bytes: Buffer): Buffer => {
    if (restBytes === 0) return bytes;
    const all = Buffer.concat([...rest, bytes]);
    rest = [];
    restBytes = 0;
    return all;
  };
  // always cut at the same places: they must not depend on how the bytes came
  function* pieces(bytes: Buffer): Generator<CutLine> {
    let at = 0;
    for (; bytes.length - at > lineBytesMax; at += lineBytesMax) {
      yield { bytes, from: at, to: at + lineBytesMax, offset, whole: false };
      within = true;
      offset += lineBytesMax;
    }
    hold(bytes.subarray(at));
  }
  function* line(bytes: Buffer): Generator<CutLine> {
    yield* pieces(bytes);
    const last = taken(NOTHING);
    // a line that was cut ends with a piece, be it empty
    if (!within || last.length > 0) yield { bytes: last, from: 0, to: last.length, offset, whole: !within };
    offset += last.length;
    within = false;
  }
  return {
    push: function* (chunk) {
      let from = 0;
      for (let newline = chunk.indexOf(NEWLINE); newline !== -1; newline = chunk.indexOf(NEWLINE, from)) {
        if (restBytes === 0 && !within && newline - from <= lineBytesMax) {
          yield { bytes: chunk, from, to: newline, offset, whole: true };
          offset += newline - from;
        } else yield* line(taken(chunk.subarray(from, newline)));
        offset++;
        from = newline + 1;
      }
      const tail = chunk.subarray(from);
      if (restBytes + tail.length <= lineBytesMax) hold(tail);
      else yield* pieces(taken(tail));
    },
    end: function* () {
      if (restBytes > 0) yield* line(taken(NOTHING));
    },
    place: () => ({ offset, within }),
    begin: (place) => {
      rest = [];
      restBytes = 0;
      ({ offset, within } = place);
    },
  };
}
