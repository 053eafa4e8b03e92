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

/** What stands around the items, for the books (docs/reference/accounting.md). */
export interface Around {
  /** Begun, those inside of items too. */
  lines: number;
  /** Newlines, those inside of items too, and carriage returns of blank lines. */
  separatorBytes: number;
  /** All other bytes that are in no item. */
  ignoredBytes: number;
  /** Lines that no item touches. */
  ignoredLines: number;
  blankLines: number;
  /** Items that begin on a line that an earlier one touches. */
  furtherRecords: number;
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

  // the last byte of an envelope that is no blank: an object that is no value there is a document, the envelope was cut short
  let mark = 0;
  // the last string at the depth of an item's keys
  const key = Buffer.alloc(KEY_BYTES_MAX);
  let keyBytes = 0;

  let chunkOffset = 0;
  let recordBytes = 0;
  let recordNewlines = 0;
  let lineOffset = 0;
  let lineIsTaken = false;
  let previous = 0;
  const around = { lines: 0, separatorBytes: 0, ignoredLines: 0, blankLines: 0, furtherRecords: 0 };

  const endLine = (chunk: Buffer, at: number): void => {
    around.lines++;
    around.separatorBytes++;
    if (state !== 'between' && state !== 'envelope') {
      newlines++;
      return;
    }
    const bytes = chunkOffset + at - lineOffset;
    const last = at > 0 ? chunk[at - 1] : previous;
    if (!lineIsTaken) countUntaken(bytes, last === RETURN);
    lineIsTaken = false;
    lineOffset = chunkOffset + at + 1;
  };
  const countUntaken = (bytes: number, endsInReturn: boolean): void => {
    if (bytes === 0 || (bytes === 1 && endsInReturn)) {
      around.blankLines++;
      around.separatorBytes += bytes;
    } else around.ignoredLines++;
  };

  const begin = (at: number, next: State): void => {
    state = next;
    from = at;
    itemOffset = chunkOffset + at;
    newlines = 0;
    inPieces = false;
    onTakenLine = lineIsTaken;
    lineIsTaken = true;
  };
  const hold = (chunk: Buffer, to: number): void => {
    if (to > from) held.push(chunk.subarray(from, to));
    heldBytes += to - from;
    from = to;
  };
  const give = (bytes: Buffer, whole: boolean, lines: number): void => {
    items.push({ bytes, offset: itemOffset, whole, newlines: lines });
    if (onTakenLine) around.furtherRecords++;
    onTakenLine = true; // a further piece
    itemOffset += bytes.length;
    recordBytes += bytes.length;
    recordNewlines += lines;
    newlines -= lines;
  };
  /** Cuts what is held of a long item into pieces; what remains is no longer than may be. */
  const cutPieces = (): void => {
    if (heldBytes <= itemBytesMax) return;
    inPieces = true;
    let rest = Buffer.concat(held);
    while (rest.length > itemBytesMax) {
      const piece = rest.subarray(0, itemBytesMax);
      give(piece, false, countNewlines(piece));
      rest = rest.subarray(itemBytesMax);
    }
    held = [rest];
    heldBytes = rest.length;
  };
  const finish = (chunk: Buffer, to: number): void => {
    hold(chunk, to);
    cutPieces();
    const [only] = held;
    give(held.length === 1 && only ? only : Buffer.concat(held), !inPieces, newlines);
    held = [];
    heldBytes = 0;
    state = 'between';
    // the line the item ends on goes on, it has bytes: it is taken, whatever they are
    lineOffset = chunkOffset + to;
  };
  /** What was taken for an item holds a list: it stands around items itself. */
  const becomeEnvelope = (): void => {
    held = [];
    heldBytes = 0;
    if (newlines === 0) lineIsTaken = onTakenLine;
    else {
      around.ignoredLines += onTakenLine ? newlines - 1 : newlines;
      lineIsTaken = false;
    }
  };

  const noteKey = (chunk: Buffer, start: number, to: number): void => {
    const bytes = Math.min(to - start, KEY_BYTES_MAX - keyBytes);
    if (bytes > 0) keyBytes += chunk.copy(key, keyBytes, start, start + bytes);
  };
  const opensList = (offset: number): boolean =>
    isObject &&
    depth === listDepth + 1 &&
    (state === 'envelope' || (!inPieces && offset - itemOffset <= itemBytesMax)) &&
    lists.length < LEVELS_MAX &&
    LIST_KEYS.some((name) => name.length === keyBytes && key.compare(name, 0, name.length, 0, keyBytes) === 0);
  const enterList = (): void => {
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
    let i = at;
    if (escaped) {
      escaped = false;
      if (chunk[i] !== NEWLINE) i++;
    }
    for (; i < chunk.length; i++) {
      const c = chunk[i] as number;
      if (c > BACKSLASH) continue; // most letters
      if (c === QUOTE) {
        inString = false;
        break;
      }
      if (c === NEWLINE) endLine(chunk, i);
      else if (c === BACKSLASH) {
        if (i + 1 === chunk.length) escaped = true;
        else if (chunk[i + 1] !== NEWLINE) i++;
      }
    }
    if (isObject && depth === listDepth + 1) noteKey(chunk, at, i);
    return Math.min(i + 1, chunk.length);
  };
  const readNested = (chunk: Buffer, at: number): number => {
    let i = at;
    while (i < chunk.length) {
      if (inString) {
        i = readString(chunk, i);
        if (inString || depth > listDepth) continue;
        finish(chunk, i); // a string was the item
        return i;
      }
      const c = chunk[i++] as number;
      if (state === 'envelope' && depth === listDepth + 1 && !isBlank(c)) {
        if (c === OPEN_OBJECT && mark !== COLON) {
          depth--;
          state = 'between';
          return i - 1;
        }
        mark = c;
      }
      if (c === QUOTE) {
        inString = true;
        keyBytes = 0;
      } else if (c === NEWLINE) endLine(chunk, i - 1);
      else if (c === OPEN_OBJECT) depth++;
      else if (c === OPEN_LIST) {
        if (opensList(chunkOffset + i)) {
          if (state === 'item') becomeEnvelope();
          enterList();
          return i;
        }
        depth++;
      } else if (c === CLOSE_OBJECT || c === CLOSE_LIST) {
        if (--depth > listDepth) continue;
        if (state === 'item') finish(chunk, i);
        else state = 'between';
        return i;
      }
    }
    return i;
  };
  const readBetween = (chunk: Buffer, at: number): number => {
    const c = chunk[at] as number;
    if (c === NEWLINE) endLine(chunk, at);
    if (isBlank(c) || c === COMMA) return at + 1;
    if (listDepth > 0 && (c === CLOSE_LIST || c === CLOSE_OBJECT)) leaveList();
    else if (listDepth === 0 && c === OPEN_LIST) enterList();
    else if (c === OPEN_OBJECT || c === OPEN_LIST || c === QUOTE) {
      begin(at, listDepth === 0 && c === QUOTE ? 'text' : 'item');
      isObject = c === OPEN_OBJECT;
      if (state === 'text') return at + 1;
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
    between: readBetween,
    item: readNested,
    envelope: readNested,
    word: readWord,
    text: readText,
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
        hold(chunk, chunk.length);
        cutPieces();
      }
      chunkOffset += chunk.length;
      previous = chunk.at(-1) ?? previous;
      return take();
    },
    end: () => {
      from = 0;
      // a newline at the end of what was cut short ends its line, and is no part of it
      if (held.at(-1)?.at(-1) === NEWLINE) {
        held.push((held.pop() ?? NOTHING).subarray(0, -1));
        heldBytes--;
        newlines--;
        if (heldBytes > 0) finish(NOTHING, 0);
        lineIsTaken = false;
        lineOffset = chunkOffset;
      } else if (heldBytes > 0) finish(NOTHING, 0);
      const open = chunkOffset - lineOffset;
      if (lineIsTaken || open > 0) {
        around.lines++;
        if (!lineIsTaken) countUntaken(open, previous === RETURN);
      }
      return take();
    },
    around: () => ({
      ...around,
      ignoredBytes: chunkOffset - recordBytes - around.separatorBytes + recordNewlines,
    }),
  };
}

function countNewlines(bytes: Buffer): number {
  let n = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) n++;
  return n;
}
