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

/** The first bytes of a stream, as far as it is held to tell, and the stream as it was. */
export async function peek(chunks: AsyncIterable<Buffer>): Promise<{ head: Buffer; all: AsyncIterable<Buffer> }> {
  const reader = chunks[Symbol.asyncIterator]();
  const first: Buffer[] = [];
  let bytes = 0;
  let done = false;
  while (!done && bytes < HELD_LINE_BYTES && !first.at(-1)?.includes(NEWLINE)) {
    const next = await reader.next();
    done = next.done === true;
    if (next.done) continue;
    first.push(next.value);
    bytes += next.value.length;
  }
  const all = (async function* () {
    try {
      yield* first;
      for (let next = await reader.next(); !next.done; next = await reader.next()) yield next.value;
    } finally {
      await reader.return?.();
    }
  })();
  return { head: Buffer.concat(first), all };
}

/** Whether the first document goes over lines: such a log is not cut at its newlines (json-items.ts). @param head of the stream */
export function detectList(head: Buffer): boolean {
  const at = firstByte(head);
  const opens = head[at];
  if (opens !== LIST && opens !== OBJECT) return false;
  if (head.length >= HELD_LINE_BYTES && !head.includes(NEWLINE, at)) return isListLine(head.subarray(at));
  // a list may hold its first item in its first line, an object of many lines breaks early
  const to = opens === LIST || isListLine(head.subarray(at)) ? head.length : Math.min(head.length, at + HEAD_BYTES);
  return depthAtNewline(head, at, to) > 0;
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

function depthAtNewline(bytes: Buffer, from: number, to: number): number {
  return walk(bytes, from, to, true);
}

function depthAt(bytes: Buffer, at: number): number {
  return walk(bytes, 0, at, false);
}

/** Depth at the first newline that is in no string, 0 where there is none; or at the end. */
function walk(bytes: Buffer, from: number, to: number, stopAtNewline: boolean): number {
  let depth = 0;
  let inString = false;
  for (let i = from; i < to; i++) {
    const c = bytes[i];
    if (c === 92) i++;
    else if (c === 34) inString = !inString;
    else if (inString) continue;
    else if (c === NEWLINE && stopAtNewline) return depth;
    else if (c === OBJECT || c === LIST) depth++;
    else if (c === 125 || c === 93) depth--;
  }
  return stopAtNewline ? 0 : depth;
}
