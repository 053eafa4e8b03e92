// The books of an import: every byte and every line that was read is in a record or said not to be, and why
// (docs/reference/accounting.md). What came in is counted as it is read, what went out as records are handed on: the two
// must meet.
import type { Around } from './frame/around-items.ts';
import type { LineBlock } from './frame/lines.ts';

export interface Books {
  /** Bytes of the logs, uncompressed. */
  bytes: number;
  lines: number;
  /** Bytes of all records delivered, new or not. */
  record_bytes: number;
  /** Newlines that are in no record, carriage returns of blank lines. */
  separator_bytes: number;
  /** Bytes of ignored lines, and what stands around the records of a list. */
  ignored_bytes: number;
  /** Records delivered beyond the first of a line: items of a list, pieces of a line too long to hold. */
  further_records: number;
  /** Lines that joined the record another line had begun. */
  folded_lines: number;
  blank_lines: number;
  /** Lines that only signal: the end of an audit event (EOE), brackets of a list. */
  ignored_lines: number;
}

export const emptyBooks = (): Books => ({
  bytes: 0,
  lines: 0,
  record_bytes: 0,
  separator_bytes: 0,
  ignored_bytes: 0,
  further_records: 0,
  folded_lines: 0,
  blank_lines: 0,
  ignored_lines: 0,
});

export function addBooks(to: Books, more: Books): void {
  for (const name of Object.keys(to) as (keyof Books)[]) to[name] += more[name];
}

/** @param delivered records the store was given: new ones and duplicates */
export function isBalanced(books: Books, delivered: number): boolean {
  return (
    books.bytes === books.record_bytes + books.separator_bytes + books.ignored_bytes &&
    books.lines + books.further_records === delivered + books.folded_lines + books.blank_lines + books.ignored_lines
  );
}

export interface Bookkeeper {
  readonly books: Books;
  /** Counts bytes on their way to be cut into lines. */
  readChunks(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer>;
  /** Every block of lines, as it comes. */
  readLines(block: LineBlock): void;
  /** Whether a line of that block is nothing but a line's end: there is nothing to take from it. */
  isBlank(bytes: Buffer, from: number, to: number): boolean;
  /** What stands around the items of a log that is no lines (frame/json-items.ts); takes the place of readLines. */
  readAround(around: Around): void;
  /** Records beyond the first of a line. */
  countFurther(records: number): void;
  /** Lines that are no part of a record, or bytes of lines around their records. */
  ignore(left: { lines: number; bytes: number }): void;
  /** A record was made of so many lines. */
  deliver(bytes: number, lines: number): void;
}

const CARRIAGE_RETURN = 13;

export function createBookkeeper(): Bookkeeper {
  const books = emptyBooks();
  let lineIsOpen = false;
  let lineWentOn = false;
  return {
    books,
    async *readChunks(chunks) {
      for await (const chunk of chunks) {
        books.bytes += chunk.length;
        yield chunk;
      }
    },
    readLines: (block) => {
      const goesOn = lineIsOpen;
      lineIsOpen = !block.ended;
      lineWentOn = goesOn;
      if (block.ended) books.separator_bytes += block.count;
      books.lines += goesOn ? block.count - 1 : block.count;
      if (goesOn && block.bytes.length > 0) books.further_records++;
    },
    isBlank: (bytes, from, to) => {
      if (to - from > 1 || (to - from === 1 && (bytes[from] !== CARRIAGE_RETURN || lineWentOn))) return false;
      if (!lineWentOn) books.blank_lines++;
      books.separator_bytes += to - from;
      return true;
    },
    readAround: (around) => {
      books.lines += around.lines;
      books.separator_bytes += around.separatorBytes;
      books.ignored_bytes += around.ignoredBytes;
      books.ignored_lines += around.ignoredLines;
      books.blank_lines += around.blankLines;
      books.further_records += around.furtherRecords;
    },
    countFurther: (records) => {
      books.further_records += records;
    },
    ignore: ({ lines, bytes }) => {
      books.ignored_lines += lines;
      books.ignored_bytes += bytes;
    },
    deliver: (bytes, lines) => {
      books.record_bytes += bytes;
      books.folded_lines += lines - 1;
      books.separator_bytes -= lines - 1; // newlines between its lines
    },
  };
}
