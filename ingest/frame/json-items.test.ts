// Items of lists as byte slices: every shape a list comes in, hostile ones, any cut into chunks; and the books of each.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Books, emptyBooks, isBalanced } from '../books.ts';
import { createItemCutter, type Item } from './json-items.ts';

function cut(text: string | Buffer, chunkBytes = Number.POSITIVE_INFINITY, itemBytesMax?: number) {
  const bytes = Buffer.from(text);
  const cutter = createItemCutter(itemBytesMax);
  const items: Item[] = [];
  const keep = (given: Item[]) => items.push(...given.map((item) => ({ ...item, bytes: Buffer.from(item.bytes) })));
  // in one buffer that is written over, as a file is read
  const buffer = Buffer.alloc(Math.min(chunkBytes, bytes.length));
  for (let at = 0; at < bytes.length; at += chunkBytes)
    keep(cutter.push(buffer.subarray(0, bytes.copy(buffer.fill(0), 0, at, Math.min(at + chunkBytes, bytes.length)))));
  keep(cutter.end());
  const around = cutter.around();
  const recordBytes = items.reduce((sum, item) => sum + item.bytes.length, 0);
  const folded = items.reduce((sum, item) => sum + item.newlines, 0);
  const books: Books = {
    ...emptyBooks(),
    bytes: bytes.length,
    lines: around.lines,
    record_bytes: recordBytes,
    separator_bytes: around.separatorBytes - folded,
    ignored_bytes: around.ignoredBytes,
    further_records: around.furtherRecords,
    folded_lines: folded,
    blank_lines: around.blankLines,
    ignored_lines: around.ignoredLines,
  };
  return { items, books, balanced: isBalanced(books, items.length) };
}
const texts = (text: string | Buffer) => cut(text).items.map((item) => item.bytes.toString('latin1'));

const A = '{"a":[1,{"b":"]}"}]}';
const B = '{"auditID":"2","s":"\\"[{\\\\"}';

describe('items', () => {
  it.each([
    ['an array in a line', `[${A},${B}]`],
    ['an array, an item a line', `[\n${A},\n${B}\n]\n`],
    ['an EventList', `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[${A},${B}]}\n`],
    ['an EventList that ends with its kind', `{"items":[${A} , ${B}],"kind":"EventList","metadata":{"items":"x"}}`],
    ['records of an event hub', `{"records": [${A},${B}]}`],
    ['a CloudWatch subscription', `{"messageType":"DATA_MESSAGE","subscriptionFilters":["f"],"logEvents":[${A},${B}]}`],
    ['aws logs filter-log-events', `{\r\n "events": [\r\n${A},\r\n${B}\r\n], "searchedLogStreams": [{"x":1}]\r\n}\r\n`],
    ['entries.list', `{"entries":[${A},${B}],"nextPageToken":"x"}`],
    ['an array of envelopes', `[{"records":[${A}]},{"records":[${B}]}]`],
    ['lists one after another', `{"items":[${A}]}{"items":[]}\n[${B}]\n[]\n`],
    ['documents one after another', `${A}\n${B}\n`],
    ['documents parted by commas', `${A},\n${B},\n`],
    ['a list cut short before another one', `{"items":[${A}]\n{"items":[${B}]}`],
    ['a list that was never closed before another one', `{"items":[${A}\n{"items":[${B}]}`],
    ['a file with a byte order mark', `\u{feff}[${A},${B}]`],
  ])('of %s are cut out as they stand', (_, text) => {
    const { items, balanced } = cut(text);
    expect(items.map((item) => item.bytes.toString())).toEqual([A, B]);
    expect(balanced).toBe(true);
    for (const { bytes, offset } of items)
      expect(Buffer.from(text).subarray(offset, offset + bytes.length)).toEqual(bytes);
  });

  it('of a list printed over many lines keep their newlines', () => {
    const events = [{ auditID: 'a', items: { x: [1, 2] } }, { auditID: 'b' }];
    const text = `${JSON.stringify({ kind: 'EventList', items: events }, undefined, 2)}\n`;
    const { items, books, balanced } = cut(text);
    expect(items.map((item) => JSON.parse(item.bytes.toString()))).toEqual(events);
    expect(items.map((item) => item.newlines)).toEqual([8, 2]);
    // {, "kind", "items": [ and ], } are in no item
    expect(books).toMatchObject({ lines: 17, ignored_lines: 5, folded_lines: 10, further_records: 0, blank_lines: 0 });
    expect(balanced).toBe(true);
  });

  it('are the documents, where these are no lists', () => {
    const text = JSON.stringify({ kind: 'Event', auditID: 'a', annotations: {} }, undefined, 4);
    expect(cut(`\n${text}\n\n${text}\n`).items.map((item) => item.bytes.toString())).toEqual([text, text]);
    expect(cut(`\n${text}\n\n${text}\n`).books).toMatchObject({ lines: 12, blank_lines: 2, folded_lines: 8 });
  });

  it('of an empty list are none', () => {
    for (const text of ['[]', '{"items":[]}', '[ \n ]\n', '', '\n']) {
      expect(cut(text)).toMatchObject({ items: [], balanced: true });
    }
  });

  it('that are no objects come out too', () => {
    expect(texts('[1, "a,]", null,[{"x":1}],true]')).toEqual(['1', '"a,]"', 'null', '[{"x":1}]', 'true']);
  });

  it('are not taken from lists inside of an event', () => {
    const event = '{"a":{"items":[{"x":1}]},"items":7,"s":"items","xitems":[1]}';
    expect(texts(event)).toEqual([event]);
  });
});

describe('what is hostile', () => {
  it.each([
    ['a list cut short in an item', `[${A},${B.slice(0, -4)}`, [A, B.slice(0, -4)]],
    ['a list cut short in an item, with a newline', `[${A},{"b":\n\n`, [A, '{"b":\n']],
    ['a list cut short between items', `[${A},`, [A]],
    ['an envelope cut short before its list', '{"kind":"EventList","it', ['{"kind":"EventList","it']],
    ['text behind a list', `[${A}]\nat 7: "broken" [\n${B}`, [A, 'at 7: "broken" [', B]],
    ['brackets behind a list', `[${A}]]}\n`, [A, ']}']],
    ['words between items', `[${A} oops ${B}]`, [A, 'oops', B]],
    ['newlines in strings', '[{"a":"x\ny\\\nz"}]', ['{"a":"x\ny\\\nz"}']],
    ['brackets of another kind', '[{"a":[1}}]', ['{"a":[1}}']],
  ])('%s is kept and told', (_, text, expected) => {
    expect(texts(text)).toEqual(expected);
    expect(cut(text).balanced).toBe(true);
  });

  it('bytes that are no UTF-8 stay as they are', () => {
    const item = Buffer.from([0x7b, 0x22, 0xff, 0xc3, 0x22, 0x3a, 0x31, 0x7d]);
    const { items } = cut(Buffer.concat([Buffer.from('['), item, Buffer.from(']')]));
    expect(items.map((i) => i.bytes)).toEqual([item]);
  });

  it('an item too long to hold comes in pieces, the same however it was cut', () => {
    const text = `[{"a":"${'x\n'.repeat(20)}"},{"b":1}]`;
    const whole = cut(text, Number.POSITIVE_INFINITY, 16);
    expect(whole.items.map((i) => [i.whole, i.bytes.length])).toEqual([
      [false, 16],
      [false, 16],
      [false, 16],
      [true, 7],
    ]);
    expect(whole.balanced).toBe(true);
    for (const bytes of [1, 3, 16, 17]) expect(cut(text, bytes, 16)).toEqual(whole);
  });

  it('nesting of a hundred thousand levels takes the time of its bytes, also where it is never closed', () => {
    const time = (levels: number) => {
      const text = Buffer.from(`[{"x":${'[{"items":'.repeat(levels)}0${'}]'.repeat(levels)}},${'['.repeat(levels)}`);
      const start = performance.now();
      const { items, balanced } = cut(text, 4096);
      expect([items.length, balanced]).toEqual([2, true]);
      return performance.now() - start;
    };
    time(100_000);
    const [once, tenTimes] = [time(100_000), time(1_000_000)];
    // quadratic would be a hundred times
    expect(tenTimes).toBeLessThan(Math.max(once, 5) * 40);
  });
});

describe('whatever a log is', () => {
  const value = fc.json({ maxDepth: 4 });
  const pretty = fc.jsonValue({ maxDepth: 3 }).map((v) => JSON.stringify(v, undefined, 1));
  const list = fc
    .tuple(fc.constantFrom('items', 'records', 'logEvents', 'events', 'entries', 'other'), fc.array(value), value)
    .map(([key, items, more]) => `{"kind":"List","x":${more},"${key}":[${items.join(',\n')}],"y":${more}}`);
  const noise = fc.constantFrom(
    '',
    '\n',
    '\r\n',
    ',',
    ' ',
    ']',
    '}',
    '[',
    '{',
    '"',
    '\\',
    'junk',
    '{"items":[',
    '\0\xff',
  );
  const log = fc
    .array(fc.oneof(value, pretty, list, noise), { maxLength: 12 })
    .chain((parts) => fc.constantFrom('', '\n', ' ').map((by) => Buffer.from(parts.join(by), 'latin1')));

  it('a cut into chunks changes nothing, the books balance, and items with what is around them are the bytes', () => {
    fc.assert(
      fc.property(log, fc.integer({ min: 1, max: 30 }), fc.constantFrom(8, 1000), (bytes, chunkBytes, itemBytesMax) => {
        const whole = cut(bytes, Number.POSITIVE_INFINITY, itemBytesMax);
        expect(cut(bytes, chunkBytes, itemBytesMax)).toEqual(whole);
        expect(whole.balanced).toBe(true);
        let at = 0;
        let gaps = 0;
        for (const { offset, bytes: item } of whole.items) {
          expect(offset).toBeGreaterThanOrEqual(at);
          expect(bytes.subarray(offset, offset + item.length)).toEqual(item);
          gaps += offset - at;
          at = offset + item.length;
        }
        gaps += bytes.length - at;
        const { books } = whole;
        expect(gaps).toBe(books.ignored_bytes + books.separator_bytes);
        const newlines = bytes.filter((c) => c === 10).length;
        expect(books.lines).toBe(newlines + (bytes.length > 0 && bytes.at(-1) !== 10 ? 1 : 0));
        expect(books.separator_bytes).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 300 },
    );
  });

  it('the objects of a list come out one by one, as they were written', () => {
    const items = fc.array(
      fc.dictionary(
        fc.string().filter((k) => !/items|records|ogEvents|events|entries/.test(k)),
        fc.jsonValue(),
      ),
    );
    fc.assert(
      fc.property(items, fc.constantFrom(undefined, 2), (objects, indent) => {
        const text = JSON.stringify({ kind: 'EventList', items: objects }, undefined, indent);
        expect(cut(text).items.map((i) => JSON.stringify(JSON.parse(i.bytes.toString())))).toEqual(
          objects.map((object) => JSON.stringify(object)),
        );
      }),
    );
  });
});
