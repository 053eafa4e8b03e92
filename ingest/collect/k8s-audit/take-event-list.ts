// An EventList of the audit webhook to records, while it is read: each item is handed on as it ends, so that a batch may be larger than
// what this process may hold. What is no EventList is taken all the same, for an API server that was let in sends evidence.
// https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/#audit-k8s-io-v1-EventList
import { createItemCutter } from '../../frame/json-items.ts';
import { LINE_BYTES_MAX } from '../../frame/lines.ts';
import type { CommitUpTo } from '../../spool/parts.ts';
import type { Peer } from '../../transport/https/access.ts';
import { BodyError } from '../../transport/https/body.ts';
import type { Answer } from '../../transport/https/intake.ts';
import type { CollectorPlace } from '../collector.ts';

export interface EventListTaker {
  /**
   * Answers 200 once every record of the body is on disk.
   * @throws BodyError of the body, or when it is no list that an API server would send
   */
  take(body: AsyncIterable<Buffer>, peer: Peer): Promise<Answer>;
  /** Why the last batch could not be written. */
  trouble(): string | undefined;
  counts(): { events: number; eventBytes: number; inFlightBytes: number };
}

export interface EventListTakerOptions {
  place: Pick<CollectorPlace, 'emit' | 'checkpoint' | 'restored' | 'committed'>;
  stream: string;
  /** Of all bodies together: what is held of items that have not ended, and what is not on disk. */
  inFlightBytesMax: number;
}

// An API server sends 400 (--audit-webhook-batch-max-size), or what its operator sets. Each becomes a frame with an envelope of some 300
// bytes: a body of nothing but `{}` would write two hundred times its size.
const ITEMS_MAX = 100_000;

const BUSY: Answer = { status: 503, text: 'too much is on its way to the disk already' };
const FULL: Answer = { status: 503, text: 'the spool takes nothing at the moment' };

export function createEventListTaker({ place, stream, inFlightBytesMax }: EventListTakerOptions): EventListTaker {
  // counted on over restarts, so that a position stands for one record
  let position = countIn(place.restored(stream));
  const counts = { events: 0, eventBytes: 0, inFlightBytes: 0 };
  let trouble: string | undefined;

  const commit = async (upTo: CommitUpTo): Promise<void> => {
    try {
      await place.committed(upTo);
      trouble = undefined;
    } catch (error) {
      trouble = `cannot be written: ${(error as Error).message}`;
      throw error;
    }
  };

  /** One body: what it has in flight, given back whatever happens. */
  const open = (peer: Peer) => {
    const attrs = peer.name === '' ? { peer: peer.address } : { peer: peer.address, peer_name: peer.name };
    let written = 0;
    let held = 0;
    const set = (writtenNow: number, heldNow: number) => {
      counts.inFlightBytes += writtenNow + heldNow - written - held;
      written = writtenNow;
      held = heldNow;
    };
    return {
      /** @returns false when nothing can be written */
      put: ({ bytes: raw, newlines, whole }: Piece): boolean => {
        const own = whole ? attrs : { ...attrs, piece: 'oversized' };
        if (!place.emit({ source: 'k8s-audit', stream, position, lines: newlines + 1, attrs: own, raw })) return false;
        position++;
        counts.events++;
        counts.eventBytes += raw.length;
        set(written + raw.length, held);
        return true;
      },
      /** @returns false when there is too much in flight, even after all that can be is on disk */
      hold: async (bytes: number): Promise<boolean> => {
        set(written, bytes);
        if (counts.inFlightBytes <= inFlightBytesMax) return true;
        if (written > 0) await commit('all');
        set(0, held);
        return counts.inFlightBytes <= inFlightBytesMax;
      },
      close: () => set(0, 0),
    };
  };

  /** What is more than the spool holds in memory waits for the disk. @returns false when nothing can be written all the same */
  const putAll = async (given: Iterable<Piece>, record: ReturnType<typeof open>): Promise<boolean> => {
    for (const piece of given) {
      if (record.put(piece)) continue;
      await commit('all');
      if (!record.put(piece)) return false;
    }
    return true;
  };
  const takeAll = async (body: AsyncIterable<Buffer>, record: ReturnType<typeof open>): Promise<Answer> => {
    let pieces: Pieces | undefined;
    for await (const chunk of body) {
      pieces ??= piecesOf(chunk);
      if (pieces === undefined) continue; // blanks before it
      if (!(await putAll(pieces.push(chunk), record))) return refuse(FULL);
      if (!(await record.hold(pieces.heldBytes()))) return BUSY;
    }
    if (pieces === undefined) return { status: 400, text: 'an empty body' };
    if (!(await putAll(pieces.end(), record))) return refuse(FULL);
    place.checkpoint(stream, String(position));
    // not what has come of other bodies meanwhile: one answer must not wait for the records of the next
    await commit('checkpoint');
    return { status: 200 };
  };
  const refuse = (answer: Answer): Answer => {
    trouble = answer.text;
    return answer;
  };

  return {
    take: async (body, peer) => {
      if (counts.inFlightBytes > inFlightBytesMax) return BUSY;
      const record = open(peer);
      try {
        return await takeAll(body, record);
      } catch (error) {
        if (error instanceof BodyError) throw error;
        if (trouble === undefined) throw error; // a bug
        return { status: 503, text: trouble };
      } finally {
        record.close();
      }
    },
    trouble: () => trouble,
    counts: () => ({ ...counts }),
  };
}

const countIn = (text: string | undefined): number =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;

interface Piece {
  bytes: Buffer;
  newlines: number;
  /** False for a part of what was too long to be one record. */
  whole: boolean;
}

/** A body, piece by piece. */
interface Pieces {
  push(chunk: Buffer): Iterable<Piece>;
  end(): Iterable<Piece>;
  /** The most bytes of what has not ended. */
  heldBytes(): number;
}

/** @param chunk the first one of a body; undefined when there is nothing in it */
function piecesOf(chunk: Buffer): Pieces | undefined {
  const first = chunk.findIndex((c) => c !== 32 && (c < 9 || c > 13));
  if (first === -1) return undefined;
  const opens = chunk[first] as number;
  // {, [, or the first byte of a byte order mark
  return opens === 0x7b || opens === 0x5b || opens === 0xef ? itemPieces() : textPieces();
}

function itemPieces(): Pieces {
  const cutter = createItemCutter();
  let pushed = 0;
  let ended = 0;
  let items = 0;
  const count = <T extends { offset: number; bytes: Buffer }>(given: T[]): T[] => {
    const last = given.at(-1);
    if (last) ended = last.offset + last.bytes.length;
    items += given.length;
    if (items > ITEMS_MAX) throw new BodyError('too-large', `a list of more than ${ITEMS_MAX} items`);
    return given;
  };
  return {
    push: (chunk) => {
      pushed += chunk.length;
      return count(cutter.push(chunk));
    },
    end: () => count(cutter.end()),
    heldBytes: () => pushed - ended,
  };
}

/** What is no JSON is one record, however many lines it has; one that is too long comes in pieces. */
function textPieces(): Pieces {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let whole = true;
  const take = (): Piece[] => {
    const bytes = Buffer.concat(held);
    held = [];
    heldBytes = 0;
    let newlines = 0;
    for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) newlines++;
    return bytes.length === 0 ? [] : [{ bytes, newlines, whole }];
  };
  return {
    push: (chunk) => {
      const isFull = heldBytes + chunk.length > LINE_BYTES_MAX;
      if (isFull) whole = false;
      const full = isFull ? take() : [];
      held.push(chunk);
      heldBytes += chunk.length;
      return full;
    },
    end: take,
    heldBytes: () => heldBytes,
  };
}
