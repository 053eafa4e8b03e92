// A line, or another piece that is all there, that holds several documents: cut into its items as a log of the same layout is.
import { createItemCutter, type Item } from './json-items.ts';
import { isListLine } from './json-layout.ts';

const NEWLINE = 10;
const SEAM = Buffer.from('}{"');
/** Whether documents follow one another in a line, as Firehose writes them: `}{"` is otherwise only at the end of a string. */
export const isSeveral = (line: Buffer): boolean => line[0] === 0x7b && line.includes(SEAM) && hasTwo(itemsOf(line));

/** Whether a payload is to be cut into items: a list, or documents that follow one another, in a line or in lines. */
export const holdsItems = (payload: Buffer): boolean =>
  isListLine(payload) ||
  (payload[0] === 0x7b && (payload.includes(SEAM) || payload.includes(NEWLINE)) && hasTwo(itemsOf(payload)));

function hasTwo(items: Iterator<unknown>): boolean {
  items.next();
  return items.next().done !== true;
}

// A line may be millions of items: they are not held all at once.
const ITEMS_BYTES = 256 * 1024;

export function* itemsOf(line: Buffer): Generator<Item> {
  const cutter = createItemCutter();
  for (let at = 0; at < line.length; at += ITEMS_BYTES) yield* cutter.push(line.subarray(at, at + ITEMS_BYTES));
  yield* cutter.end();
}
