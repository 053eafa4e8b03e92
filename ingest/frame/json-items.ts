// Lists of JSON to their items, each a slice of the bytes as they came: where a log is no JSON lines but an array, an EventList, what
// a cloud's tool exports, or documents written over many lines. It stands where lines.ts stands: bytes in, pieces with offsets out.
//
//   [{...},{...}]                                        gcloud logging read, jq -s
//   {"kind":"EventList","items":[{...}]}                 audit webhook; https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
//   {"records":[{...}]}                                  Azure diagnostic settings in an event hub
//   {"messageType":"DATA_MESSAGE","logEvents":[{...}]}   CloudWatch subscription; {"events":[...]} aws logs get-log-events
//   {"entries":[{...}]}                                  entries.list of Cloud Logging
//   {...} {...}                                          jq . : every document is an item
//
// Nothing is parsed: a counter of depth and a flag for strings find where an item ends, so nesting costs no memory and nothing is read
// twice. What is no JSON comes out as well, for nothing may be lost: a line of it at the top, a word of it in a list.
import { type Around, createAroundCounter } from './around-items.ts';
import { LINE_BYTES_MAX } from './lines.ts';

export interface Item {
  bytes: Buffer;
  /** Of its first byte, in the stream. */
  offset: number;
  /** False for a piece of an item that was too long to hold; the pieces follow one another. */
  whole: boolean;
  /** In its bytes. */
  newlines: number;
}

export interface ItemCutter {
  /** Items that end in this chunk. They may lie in it: use them before the next one. */
  push(chunk: Buffer): Item[];
  /** What was begun and not ended: a truncated list keeps what was whole, the rest is one piece. */
  end(): Item[];
  /** After `end`. */
  around(): Around;
}

const LIST_KEYS = ['items', 'records', 'logEvents', 'events', 'entries'].map((key) => Buffer.from(key));
const KEY_BYTES_MAX = 16; // longer than any of them
// An array of envelopes with lists is three deep: a hostile one may not be more.
const LEVELS_MAX = 4;

const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_LIST = 91;
const BACKSLASH = 92;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const NOTHING = Buffer.alloc(0);

const isBlank = (c: number) => c === 32 || (c >= 9 && c <= 13);

type State =
  /** Among the items of a list, or among documents. */
  | 'between'
  /** In an object or an array that is an item, unless a list is found in it. */
  | 'item'
  /** In an object around a list that has ended. */
  | 'envelope'
  /** In a word of a list: true, 17, and what is no JSON. */
  | 'word'
  /** In a line of text among documents. */
  | 'text';

export function createItemCutter(itemBytesMax = LINE_BYTES_MAX): ItemCutter {
  const counter = createAroundCounter();
  let items: Item[] = [];
  let state: State = 'between';
  let depth = 0;
  let inString = false;
  let escaped = false;
  // depth of the items of each list that is open; at the bottom, the documents
  const lists = [0];
  let listDepth = 0;

  // the item that is open: what came of it in earlier chunks, and where it goes on in this one
  let held: Buffer[] = [];
  let heldBytes = 0;
  let from = 0;
  let itemOffset = 0;
  let newlines = 0;
  let isObject = false;
  let inPieces = false;
  let onTakenLine = false;

  // the last string at the depth of an item's keys
  const key = Buffer.alloc(KEY_BYTES_MAX);
  let keyBytes = 0;
  // the last byte of an envelope that is no blank: an object that is no value there is a document, the envelope was cut short
  let mark = 0;

  let chunkOffset = 0;
  let previous = 0;

  const endLine = (chunk: Buffer, at: number): void => {
    if (state === 'between' || state === 'envelope') {
      counter.endLine(chunkOffset + at, (at > 0 ? chunk[at - 1] : previous) === RETURN);
      return;
    }
    counter.foldLine();
    newlines++;
  };

  const begin = (at: number, next: State): void => {
    state = next;
    from = at;
    itemOffset = chunkOffset + at;
    newlines = 0;
    inPieces = false;
    onTakenLine = counter.begin();
  };
  const hold = (bytes: Buffer): void => {
    if (bytes.length > 0) held.push(bytes);
    heldBytes += bytes.length;
  };
  const give = (bytes: Buffer, whole: boolean, lines: number): void => {
    items.push({ bytes, offset: itemOffset, whole, newlines: lines });
    counter.give(bytes.length, lines, onTakenLine);
    onTakenLine = true; // of a further piece
    itemOffset += bytes.length;
    newlines -= lines;
  };
  /** Cuts what is held of a long item into pieces; what remains is no longer than may be. */
  const cutPieces = (): void => {
    if (heldBytes <= itemBytesMax) return;
    inPieces = true;
    let rest = Buffer.concat(held);
    for (; rest.length > itemBytesMax; rest = rest.subarray(itemBytesMax)) {
      const piece = rest.subarray(0, itemBytesMax);
      give(piece, false, countNewlines(piece));
    }
    held = [rest];
    heldBytes = rest.length;
  };
  const finish = (chunk: Buffer, to: number): void => {
    hold(chunk.subarray(from, to));
    from = to;
    cutPieces();
    const [only] = held;
    give(held.length === 1 && only ? only : Buffer.concat(held), !inPieces, newlines);
    held = [];
    heldBytes = 0;
    state = 'between';
  };

  const noteKey = (chunk: Buffer, start: number, to: number): void => {
    if (keyBytes + to - start > KEY_BYTES_MAX)
      keyBytes = KEY_BYTES_MAX; // none of them
    else for (let i = start; i < to; i++) key[keyBytes++] = chunk[i] as number;
  };
  const opensList = (offset: number): boolean =>
    isObject &&
    (state === 'envelope' || (!inPieces && offset - itemOffset <= itemBytesMax)) &&
    lists.length < LEVELS_MAX &&
    LIST_KEYS.some((name) => name.length === keyBytes && key.compare(name, 0, name.length, 0, keyBytes) === 0);
  const enterList = (): void => {
    if (state === 'item') {
      // what was taken for an item stands around items itself
      held = [];
      heldBytes = 0;
      counter.takeBack(onTakenLine, newlines);
    }
    listDepth = ++depth;
    lists.push(listDepth);
    state = 'between';
  };
  const leaveList = (): void => {
    const inner = listDepth;
    lists.pop();
    listDepth = lists.at(-1) ?? 0;
    depth--;
    state = inner - listDepth === 1 ? 'between' : 'envelope';
    isObject = state === 'envelope';
  };

  /** Each reads on from `at` as long as its state lasts, and says where it stopped. */
  const readString = (chunk: Buffer, at: number): number => {
    const { length } = chunk;
    let i = at;
    if (escaped) {
      escaped = false;
      if (chunk[i] !== NEWLINE) i++;
    }
    for (; i < length; i++) {
      const c = chunk[i] as number;
      if (c > BACKSLASH) continue; // most letters
      if (c === QUOTE) {
        inString = false;
        break;
      }
      if (c === NEWLINE) endLine(chunk, i);
      else if (c === BACKSLASH) {
        if (i + 1 === length) escaped = true;
        else if (chunk[i + 1] !== NEWLINE) i++;
      }
    }
    if (depth === listDepth + 1) noteKey(chunk, at, i);
    return Math.min(i + 1, length);
  };
  const readNested = (chunk: Buffer, at: number): number => {
    const { length } = chunk;
    let i = inString ? readString(chunk, at) : at;
    if (!inString && depth === listDepth) {
      finish(chunk, i); // a string was the item
      return i;
    }
    while (i < length) {
      const c = chunk[i++] as number;
      if (c === QUOTE) {
        inString = true;
        keyBytes = 0;
        if (i < length) i = readString(chunk, i);
        if (state === 'envelope') mark = c;
      } else if (c === OPEN_OBJECT || c === OPEN_LIST) {
        if (depth === listDepth + 1) {
          if (c === OPEN_LIST && opensList(chunkOffset + i)) {
            enterList();
            return i;
          }
          if (state === 'envelope' && c === OPEN_OBJECT && mark !== COLON) {
            depth--;
            state = 'between';
            return i - 1;
          }
        }
        depth++;
      } else if (c === CLOSE_OBJECT || c === CLOSE_LIST) {
        mark = c;
        if (--depth > listDepth) continue;
        if (state === 'item') finish(chunk, i);
        else state = 'between';
        return i;
      } else if (c === NEWLINE) endLine(chunk, i - 1);
      else if (state === 'envelope' && !isBlank(c)) mark = c;
    }
    return i;
  };
  const readBetween = (chunk: Buffer, at: number): number => {
    const c = chunk[at] as number;
    if (c === NEWLINE) endLine(chunk, at);
    if (isBlank(c) || c === COMMA) return at + 1;
    if (listDepth > 0 && (c === CLOSE_LIST || c === CLOSE_OBJECT)) leaveList();
    else if (listDepth === 0 && c === OPEN_LIST) enterList();
    else if (c === OPEN_OBJECT || c === OPEN_LIST || (c === QUOTE && listDepth > 0)) {
      begin(at, 'item');
      isObject = c === OPEN_OBJECT;
      if (c === QUOTE) inString = true;
      else depth++;
    } else if (c !== BYTE_ORDER_MARK[chunkOffset + at]) begin(at, listDepth === 0 ? 'text' : 'word');
    return at + 1;
  };
  const readWord = (chunk: Buffer, at: number): number => {
    for (let i = at; i < chunk.length; i++) {
      const c = chunk[i] as number;
      if (!isBlank(c) && c !== COMMA && c !== CLOSE_LIST && c !== CLOSE_OBJECT) continue;
      finish(chunk, i);
      return i;
    }
    return chunk.length;
  };
  const readText = (chunk: Buffer, at: number): number => {
    const end = chunk.indexOf(NEWLINE, at);
    if (end === -1) return chunk.length;
    finish(chunk, end);
    return end;
  };
  const read: Record<State, (chunk: Buffer, at: number) => number> = {
    ...{ between: readBetween, item: readNested, envelope: readNested, word: readWord, text: readText },
  };
  const take = (): Item[] => {
    const given = items;
    items = [];
    return given;
  };

  return {
    push: (chunk) => {
      from = 0;
      for (let at = 0; at < chunk.length; ) at = read[state](chunk, at);
      if (state === 'item' || state === 'word' || state === 'text') {
        hold(Buffer.from(chunk.subarray(from))); // the chunk is good until the next one
        cutPieces();
      }
      chunkOffset += chunk.length;
      previous = chunk.at(-1) ?? previous;
      return take();
    },
    end: () => {
      from = 0;
      const last = held.at(-1);
      // a newline at the end of what was cut short ends its line, and is no part of it
      const endsLine = last?.at(-1) === NEWLINE;
      if (last && endsLine) {
        held[held.length - 1] = last.subarray(0, -1);
        heldBytes--;
        newlines--;
      }
      if (heldBytes > 0) finish(NOTHING, 0);
      counter.end(chunkOffset, previous === RETURN, endsLine);
      return take();
    },
    around: () => counter.around(),
  };
}

function countNewlines(bytes: Buffer): number {
  let n = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) n++;
  return n;
}
