// Events of a file of JSON for `rules eval`: one a line; or, where the first line is no JSON by itself, values written over
// several lines, one after another or in a list. What cannot be read is told with its number, and does not stop the others.
import { LINE_BYTES_MAX, type LineBlock, splitLines, start } from './lines.ts';

export interface JsonEvent {
  /** Line, from 1; in a file whose values take several lines, which of them. */
  n: number;
  event: unknown;
}

type Tell = (n: number, reason: string) => void;

export async function* readJsonEvents(chunks: AsyncIterable<Buffer>, tell: Tell): AsyncIterable<JsonEvent> {
  const lines = linesOf(chunks, tell);
  for (;;) {
    const { value: line, done } = await lines.next();
    if (done) return;
    if (line.text.trim() === '') continue;
    const first = line.n === 1 ? line.text.replace(/^\ufeff/, '') : line.text;
    if (isJson(first) && !first.trimStart().startsWith('[')) {
      yield* eventsOfLine({ ...line, text: first }, tell);
      for await (const next of lines) yield* eventsOfLine(next, tell);
      return;
    }
    if (!/^\s*[[{]/.test(first)) {
      tell(line.n, 'not JSON');
      continue;
    }
    yield* severalLines(first, lines, line.n, tell);
    return;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function* eventsOfLine({ n, text }: { n: number; text: string }, tell: Tell): Iterable<JsonEvent> {
  if (text.trim() === '') return;
  try {
    const event = parseEvent(text);
    if (typeof event === 'object' && event !== null && !Array.isArray(event)) yield { n, event };
    else tell(n, 'not an object');
  } catch (error) {
    tell(n, (error as Error).message);
  }
}

// A list or a handful of events that somebody looked at: what is larger comes a line an event.
const SEVERAL_LINES_CHARACTERS_MAX = 256 * 1024 * 1024;

async function* severalLines(
  first: string,
  lines: AsyncIterable<{ n: number; text: string }>,
  firstLine: number,
  tell: Tell,
): AsyncIterable<JsonEvent> {
  const texts = [first];
  let characters = first.length;
  for await (const { text } of lines) {
    characters += text.length;
    if (characters > SEVERAL_LINES_CHARACTERS_MAX)
      return tell(firstLine, 'neither JSON lines nor a list of a size to be held');
    texts.push(text);
  }
  const values = valuesOf(texts.join('\n'));
  if (values === undefined) {
    // a broken line among lines
    for (const [i, text] of texts.entries()) yield* eventsOfLine({ n: firstLine + i, text }, tell);
    return;
  }
  const events = values.flatMap((text) => {
    const value = isTooDeep(text) ? undefined : parseEvent(text);
    return Array.isArray(value) ? value : [value];
  });
  for (const [i, event] of events.entries()) {
    if (typeof event === 'object' && event !== null && !Array.isArray(event)) yield { n: i + 1, event };
    else tell(i + 1, 'not an object');
  }
}

/** The text of each value, one after another; undefined where one of them is no JSON. */
function valuesOf(text: string): string[] | undefined {
  const values: string[] = [];
  let depth = 0;
  let from = -1;
  let within = false;
  for (const { 0: token, index } of text.matchAll(/\\[\s\S]|["[\]{}]/g)) {
    if (token === '"') within = !within;
    if (within) continue;
    if (token === '{' || token === '[') {
      if (depth++ === 0) from = index;
    } else if (token === '}' || token === ']') {
      if (--depth === 0) values.push(text.slice(from, index + 1));
    }
  }
  return depth === 0 && values.length > 0 && values.every(isJson) ? values : undefined;
}

async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  tell: Tell,
): AsyncGenerator<{ n: number; text: string }, undefined> {
  let n = 1;
  for await (const block of splitLines(chunks)) {
    if (!block.whole) {
      if (block.ended) tell(n++, `longer than ${LINE_BYTES_MAX} bytes`);
      continue;
    }
    for (let i = 0; i < block.count; i++) yield { n: n++, text: textOf(block, i) };
  }
  return undefined;
}

const textOf = (block: LineBlock, i: number) => block.bytes.toString('utf8', start(block, i), block.ends[i]);

// A double holds integers of 15 digits as they are written; longer ones (ids) are kept as text.
const LONG_INTEGER = /^-?\d{16,}$/;
// Numbers whole, so that the digits of a fraction are none; quotes and what is escaped piece by piece: a string may be of any length.
const PIECE = /"|\\.|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

// Nobody's events are; what walks through a value recurses, and must stop before its stack does.
const DEPTH_MAX = 500;

function isTooDeep(text: string): boolean {
  if (text.length < 2 * DEPTH_MAX) return false;
  let depth = 0;
  let within = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"') within = !within;
    else if (within) i += c === '\\' ? 1 : 0;
    else if (c === '[' || c === '{') {
      if (++depth > DEPTH_MAX) return true;
    } else if (c === ']' || c === '}') depth--;
  }
  return false;
}

/** @throws SyntaxError for what is no JSON, or no event for its depth */
function parseEvent(text: string): unknown {
  if (isTooDeep(text)) throw new SyntaxError(`nested deeper than ${DEPTH_MAX}`);
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  JSON.parse(text); // with 0123... put in quotes it would be read
  let within = false;
  const quoted = text.replace(PIECE, (piece) => {
    if (piece === '"') within = !within;
    return !within && LONG_INTEGER.test(piece) ? `"${piece}"` : piece;
  });
  return JSON.parse(quoted);
}
