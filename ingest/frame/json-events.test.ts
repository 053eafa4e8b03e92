// Files of JSON as people have them: lines, one value over several lines, lists; and what is broken in them.
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readJsonEvents } from './json-events.ts';

async function read(text: string | Buffer) {
  const told: number[] = [];
  const events: [number, unknown][] = [];
  const chunks = Readable.from([Buffer.from(text)]);
  for await (const { n, event } of readJsonEvents(chunks, (line) => told.push(line))) events.push([n, event]);
  return { events, told };
}

describe('events of a file', () => {
  it.each<[string, string | Buffer, [number, unknown][], number[]]>([
    [
      'one a line',
      '{"a":1}\n{"a":2}\r\n\n{"a":3}',
      [
        [1, { a: 1 }],
        [2, { a: 2 }],
        [4, { a: 3 }],
      ],
      [],
    ],
    [
      'broken lines among them',
      '{"a":1}\nno\n{"a":\n[1]\n{"a":3}\n',
      [
        [1, { a: 1 }],
        [5, { a: 3 }],
      ],
      [2, 3, 4],
    ],
    ['a broken first line', '{"a":\n{"a":2}\n', [[2, { a: 2 }]], [1]],
    ['text before the first event', 'hello\n{"a":2}\n', [[2, { a: 2 }]], [1]],
    ['one over several lines', '{\n "a": "}\\"{"\n}\n', [[1, { a: '}"{' }]], []],
    [
      'several over several lines',
      '{\n"a":1\n}\n{\n"a":2\n}\n',
      [
        [1, { a: 1 }],
        [2, { a: 2 }],
      ],
      [],
    ],
    [
      'a list',
      '[\n{"a":1},\n{"a":2},3]',
      [
        [1, { a: 1 }],
        [2, { a: 2 }],
      ],
      [3],
    ],
    ['a mark of the byte order', '\ufeff{"a":1}\n', [[1, { a: 1 }]], []],
    ['bytes that are no UTF-8', Buffer.from('{"a":"\xff"}\n', 'latin1'), [[1, { a: '\ufffd' }]], []],
    [
      'integers that no double holds',
      '{"a":12345678901234567890,"b":"1234567890123456"}\n',
      [[1, { a: '12345678901234567890', b: '1234567890123456' }]],
      [],
    ],
    [
      'fractions of many digits, and texts that an expression cannot hold at once',
      `{"a":0.30000000000000004,"b":-1.5e300,"c":[-9007199254740993]}\n{"a":"${'x'.repeat(8_000_000)}","b":1234567890123456}`,
      [
        [1, { a: 0.30000000000000004, b: -1.5e300, c: ['-9007199254740993'] }],
        [2, { a: 'x'.repeat(8_000_000), b: '1234567890123456' }],
      ],
      [],
    ],
    [
      'what is nested too deep, among others',
      `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}\n{"a":"${'['.repeat(2000)}\\"["}`,
      [[2, { a: `${'['.repeat(2000)}"[` }]],
      [1],
    ],
    [
      'what is nested too deep, over several lines',
      `{"a":\n${'['.repeat(50_000)}${']'.repeat(50_000)}}\n{"a":2}`,
      [[2, { a: 2 }]],
      [1],
    ],
    ['nothing', '\n', [], []],
  ])('%s', async (_, text, events, told) => {
    expect(await read(text)).toEqual({ events, told });
  });
});
