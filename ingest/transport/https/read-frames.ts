// The body that a collector sends, frame by frame as it arrives: frames are those of its spool (ingest/spool/entry.ts), records only. A
// body of which anything is damaged is refused whole: it was sent whole, and will be again.
import { decodeEntry, type RecordEntry } from '../../spool/entry.ts';
import { BodyError } from './body.ts';

export interface FrameReader {
  /** Records that end in this chunk; views of it, or of a copy. @throws BodyError */
  push(chunk: Buffer): RecordEntry[];
  /** @throws BodyError when the body ends within a frame */
  end(): void;
}

const LENGTH_BYTES = 4;
const HEAD_BYTES = 8;

export function createFrameReader(): FrameReader {
  let held: Buffer[] = [];
  let heldBytes = 0;
  // a frame of megabytes is put together once, not with every chunk
  let neededBytes = HEAD_BYTES;
  let offset = 0;
  const damaged = (detail: string) => new BodyError('damaged', `at byte ${offset}: ${detail}`);
  const keep = (rest: Buffer): void => {
    held = rest.length === 0 ? [] : [rest];
    heldBytes = rest.length;
    neededBytes = rest.length < LENGTH_BYTES ? HEAD_BYTES : HEAD_BYTES + rest.readUInt32LE(0);
  };
  return {
    push: (chunk) => {
      held.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes < neededBytes) return [];
      const bytes = held.length === 1 ? chunk : Buffer.concat(held);
      const records: RecordEntry[] = [];
      let at = 0;
      for (;;) {
        const decoded = decodeEntry(bytes, at);
        if (decoded.status === 'more') break;
        if (decoded.status === 'damaged') throw damaged(decoded.detail);
        if (decoded.entry.kind !== 'record') throw damaged(`a ${decoded.entry.kind}, which never leaves a spool`);
        records.push(decoded.entry);
        at += decoded.bytes;
        offset += decoded.bytes;
      }
      keep(bytes.subarray(at));
      return records;
    },
    end: () => {
      if (heldBytes > 0) throw damaged('the body ends within a frame');
    },
  };
}
