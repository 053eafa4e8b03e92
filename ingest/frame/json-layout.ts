// How JSON lies in a log: a document a line, as most write it, or documents that go over many lines; and whether a line is a list of
// its own. Told from the first bytes, so that lines of single events cost what they did.

// Before its list an envelope of CloudWatch names group, stream and filters, one of AWS's command line nothing.
const HEAD_BYTES = 1024;
const EVENT = Buffer.from('{"kind":"Event",');
const NEWLINE = 10;
const OBJECT = 123;
const LIST = 91;

// A list in one line that is longer is read on as a list: it may be longer than a line may be.
const HELD_LINE_BYTES = 1 << 20;

/** Whether a stream is to be cut into items, not at its newlines, told from as few bytes as will do; and the stream as it was. */
export async function peek(chunks: AsyncIterable<Buffer>): Promise<{ isList: boolean; all: AsyncIterable<Buffer> }> {
  const reader = chunks[Symbol.asyncIterator]();
  const first: Buffer[] = [];
  let isList: boolean | undefined;
  for (let next = await reader.next(); !next.done; next = await reader.next()) {
    isList = layoutOf(first.length === 0 ? next.value : Buffer.concat([...first, next.value]));
    first.push(isList === undefined ? Buffer.from(next.value) : next.value); // good until the next one is asked for
    if (isList !== undefined) break;
  }
  const all = (async function* () {
    try {
      yield* first;
      for (let next = await reader.next(); !next.done; next = await reader.next()) yield next.value;
    } finally {
      await reader.return?.();
    }
  })();
  return { isList: isList ?? detectList(Buffer.concat(first)), all };
}

/** Whether the first document goes over lines: such a log is not cut at its newlines (json-items.ts). @param head of the stream */
export const detectList = (head: Buffer): boolean => layoutOf(head) ?? false;

/** Undefined where more bytes would tell. */
function layoutOf(head: Buffer): boolean | undefined {
  const at = firstByte(head);
  const opens = head[at];
  if (opens === undefined) return undefined;
  if (opens !== LIST && opens !== OBJECT) return false;
  const hasList = opens === LIST || isListLine(head.subarray(at));
  // a list may hold its first item in its first line, an object of many lines breaks early
  const to = hasList ? head.length : Math.min(head.length, at + HEAD_BYTES);
  const broken = walk(head, at, to, true);
  if (broken === undefined) {
    if (hasList && head.length >= HELD_LINE_BYTES) return true;
    return head.indexOf(NEWLINE, at) === -1 && head.length < HELD_LINE_BYTES ? undefined : false;
  }
  if (broken.depth <= 0) return false;
  // a line that was cut short is open as well: but behind it another one begins
  const next = head[broken.at + 1];
  if (next !== OBJECT && next !== LIST) return next === undefined ? undefined : true;
  return hasList && broken.depth === (opens === LIST ? 1 : 2);
}

/** Whether a line is a list of items, or several documents of which the first one is. */
export function isListLine(line: Buffer): boolean {
  if (line[0] === LIST) return true;
  if (line[0] !== OBJECT || startsWith(line, EVENT)) return false;
  const found = /"(?:items|records|logEvents|events|entries)"\s*:\s*\[/.exec(line.toString('latin1', 0, HEAD_BYTES));
  return found !== null && depthAt(line, found.index) === 1;
}

function startsWith(line: Buffer, bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) if (line[i] !== bytes[i]) return false;
  return true;
}

/** Past a byte order mark and blanks. */
function firstByte(head: Buffer): number {
  let at = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  while (at < head.length && ((head[at] as number) === 32 || ((head[at] as number) >= 9 && (head[at] as number) <= 13)))
    at++;
  return at;
}

const depthAt = (bytes: Buffer, at: number): number => walk(bytes, 0, at, false)?.depth ?? 0;

/** Depth at the first newline that is in no string, undefined where there is none; or at the end. */
function walk(
  bytes: Buffer,
  from: number,
  to: number,
  stopAtNewline: boolean,
): { at: number; depth: number } | undefined {
  let depth = 0;
  let inString = false;
  for (let i = from; i < to; i++) {
    const c = bytes[i];
    if (c === 92) i++;
    else if (c === 34) inString = !inString;
    else if (inString) continue;
    else if (c === NEWLINE && stopAtNewline) return { at: i, depth };
    else if (c === OBJECT || c === LIST) depth++;
    else if (c === 125 || c === 93) depth--;
  }
  return stopAtNewline ? undefined : { at: to, depth };
}
