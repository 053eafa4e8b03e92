// The books of a log balance whatever the log is: each byte and each line is in a record or said not to be.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addBooks, type Books, createBookkeeper, emptyBooks, isBalanced } from './books.ts';
import { splitLines, start } from './frame/lines.ts';
import { readLog } from './read-log.ts';

const A = 'audit(1795439390.632:1)';
const B = 'audit(1795439390.640:2)';

async function booksOf(log: string | Buffer, chunkBytes = 1 << 16): Promise<{ books: Books; records: string[] }> {
  const bytes = Buffer.from(log);
  const chunks = (async function* () {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  })();
  const records: string[] = [];
  const sink = {
    loader: 'test',
    chunkIsRead: async () => {},
    append: (_: unknown, { raw }: { raw: Buffer }) => void records.push(raw.toString('latin1')),
  };
  const { books } = await readLog(
    'log',
    chunks,
    { source: 'auditd' },
    {
      sink,
      now: () => new Date(0),
      stop: new AbortController().signal,
    },
  );
  return { books, records };
}

describe('books', () => {
  it('tell records, folded, blank and ignored lines apart', async () => {
    const log = `type=SYSCALL msg=${A}: x\n\ntype=SYSCALL msg=${B}: y\ntype=PATH msg=${A}: z\r\n\r\ntype=EOE msg=${A}: \njunk`;
    const { books, records } = await booksOf(log);
    expect(records).toHaveLength(3);
    expect(books).toMatchObject({ lines: 7, folded_lines: 1, blank_lines: 2, ignored_lines: 1, further_records: 0 });
    expect(books).toMatchObject({ bytes: log.length, ignored_bytes: `type=EOE msg=${A}: `.length, separator_bytes: 6 });
    expect(isBalanced(books, records.length)).toBe(true);
    expect(isBalanced(books, records.length + 1)).toBe(false);
  });

  it('balance for any lines in any order, however they are cut into chunks', async () => {
    const piece = fc.constantFrom(
      ...[A, B].flatMap((id) => ['SYSCALL', 'PATH', 'PROCTITLE', 'EOE'].map((type) => `type=${type} msg=${id}: a=1`)),
      '',
      '\r',
      'junk',
      '{"auditID":"a"}',
      '\0\xff',
      `type=USER_CMD msg=${A}: pid=1 msg='x'`,
    );
    const ends = fc.constantFrom('\n', '\r\n', '');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(piece, ends)), fc.integer({ min: 1, max: 40 }), async (parts, chunkBytes) => {
        const { books, records } = await booksOf(Buffer.from(parts.flat().join(''), 'latin1'), chunkBytes);
        expect(isBalanced(books, records.length)).toBe(true);
        expect(books.record_bytes).toBe(records.join('').length);
      }),
    );
  });

  it('balance for lists in lines, documents over lines and what is neither, however they are cut into chunks', async () => {
    const event = '{"kind":"Event","auditID":"a","s":"}{"}';
    const audit = `type=SYSCALL msg=${A}: a=1`;
    const piece = fc.constantFrom(
      ...[
        event,
        `[${event},${event}]`,
        `{"items":[${event}, 7 ]}`,
        '{"items":[]}',
        event + event,
        `{"records":[${event}`,
      ],
      ...[
        `{\n"auditID":\n"b"\n}`,
        `[\n${event}\n,\n${event}]`,
        '[',
        ']',
        '{',
        '}',
        '"',
        ',',
        audit,
        `type=EOE msg=${A}: `,
      ],
      ...['', '\r', 'junk', '\u{feff}', '{"timestamp":1,"message":"auditID"}'],
    );
    const ends = fc.constantFrom('\n', '\r\n', '', ',\n');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(piece, ends)), fc.integer({ min: 1, max: 60 }), async (parts, chunkBytes) => {
        const { books, records } = await booksOf(parts.flat().join(''), chunkBytes);
        expect(isBalanced(books, records.length)).toBe(true);
        expect(books.record_bytes).toBe(records.join('').length);
      }),
      { numRuns: 500 },
    );
  });

  it('count the pieces of a line too long to hold as one line', async () => {
    const keeper = createBookkeeper();
    const chunks = (async function* () {
      for (const text of ['good\n', 'x'.repeat(50), 'x'.repeat(50), 'y\n', 'z'.repeat(40), '\n', 'good'])
        yield Buffer.from(text);
    })();
    let delivered = 0;
    for await (const block of splitLines(keeper.readChunks(chunks), 30)) {
      keeper.readLines(block);
      for (let i = 0; i < block.count; i++) {
        const [from, to] = [start(block, i), block.ends[i] as number];
        if (keeper.isBlank(block.bytes, from, to)) continue;
        keeper.deliver(to - from, 1);
        delivered++;
      }
    }
    expect(delivered).toBe(6);
    expect(keeper.books).toMatchObject({ lines: 4, further_records: 2, blank_lines: 0, bytes: 152 });
    expect(isBalanced(keeper.books, delivered)).toBe(true);
  });

  it('of several logs add up', () => {
    const sum = emptyBooks();
    addBooks(sum, { ...emptyBooks(), bytes: 2, lines: 1 });
    addBooks(sum, { ...emptyBooks(), bytes: 3 });
    expect(sum).toEqual({ ...emptyBooks(), bytes: 5, lines: 1 });
  });
});
