import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordMeta, readRecordMeta as readBytes } from './record-meta.ts';

const readRecordMeta = (text: string) => readBytes(Buffer.from(text));

/** Read as anybody would. */
function plainly(text: string): RecordMeta | undefined {
  try {
    return RecordMeta.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

const META: RecordMeta = {
  ...{ source: 'auditd', cluster: 'c', node: 'n', collector: 'auditd@n', boot_id: 'b', stream: '/log' },
  ...{ received_at: 1_700_000_000_000_000, position: 7, lines: 3, attrs: { container_id: 'abc' } },
};

// what looks like the numbers, where it is none of them
const words = [
  '"received_at":',
  '\\"position\\":12',
  'position',
  'received_at',
  '"',
  '\\',
  '{"received_at":5,"position":6}',
  'ü',
  '',
];
const word = fc.oneof(fc.constantFrom(...words), fc.string());
const number = fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, Number.MAX_SAFE_INTEGER), fc.maxSafeNat());
const metas = fc.record({
  ...{ source: fc.constantFrom('k8s-audit', 'auditd', 'runtime', 'collector'), cluster: word, node: word },
  ...{ collector: word, boot_id: word, received_at: number, stream: word, position: number, lines: number },
  attrs: fc.dictionary(word, word),
});

describe('an envelope', () => {
  it('is read as it was written, whatever stands in its strings', () => {
    fc.assert(
      fc.property(metas, number, number, (meta, received_at, position) => {
        for (const one of [meta, { ...meta, received_at, position }])
          expect(readRecordMeta(JSON.stringify(one))).toEqual(plainly(JSON.stringify(one)));
      }),
    );
  });

  it('is read alike in any order of its members', () => {
    const shuffled = fc.shuffledSubarray(Object.entries(META), { minLength: Object.keys(META).length });
    fc.assert(
      fc.property(shuffled, number, number, (entries, received_at, position) => {
        const text = JSON.stringify({ ...Object.fromEntries(entries), received_at, position });
        expect(readRecordMeta(text)).toEqual({ ...META, received_at, position });
      }),
    );
  });

  const text = JSON.stringify(META);
  const TIME = '"received_at":1700000000000000';
  it.each([
    ['no JSON', 'received_at'],
    ['cut short', text.slice(0, -1)],
    ['nothing', ''],
    ['a zero that leads', text.replace('"position":7', '"position":07')],
    ['a fraction', text.replace('"position":7', '"position":7.5')],
    ['a whole number with a fraction', text.replace('"position":7', '"position":7.0')],
    ['an exponent', text.replace('"position":7', '"position":7e3')],
    ['below zero', text.replace('"position":7', '"position":-7')],
    ['more than a number holds', text.replace('"position":7', '"position":99999999999999999999')],
    ['a text for a number', text.replace('"position":7', '"position":"7"')],
    ['blanks', text.replace('"position":7', '"position": 7').replace(',', ' ,\n')],
    ['no time', text.replace(`${TIME},`, '')],
    ['no position', text.replace('"position":7,', '')],
    ['the same member twice', text.replace(TIME, `${TIME},"received_at":1`)],
    ['the same member twice, no number first', text.replace(TIME, `"received_at":"x",${TIME}`)],
    ['the same name in an unknown member before', text.replace('{', '{"more":{"received_at":5,"position":6},')],
    ['the same name in an unknown member behind', text.replace(/}$/, ',"more":{"received_at":5,"position":6}}')],
    ['no source that there is', text.replace('auditd', 'nothing')],
    ['attributes that are no texts', text.replace('"abc"', '5')],
  ])('is read, or refused, as zod does it: %s', (_, odd) => {
    const seen = [odd, odd.replaceAll(/\d+/g, '1'), odd.replaceAll(/\d+/g, '3'), odd].map(readRecordMeta);
    expect(seen).toEqual([odd, odd.replaceAll(/\d+/g, '1'), odd.replaceAll(/\d+/g, '3'), odd].map(plainly));
  });

  it('shares its attributes with others like it, and nobody can change them', () => {
    const [one, two] = [1, 2].map((position) => readRecordMeta(JSON.stringify({ ...META, position })));
    expect(one?.attrs).toBe(two?.attrs);
    expect(() => Object.assign(one?.attrs ?? {}, { container_id: 'other' })).toThrow(TypeError);
  });

  it('may be of any number of kinds', () => {
    for (let n = 0; n < 3_000; n++)
      expect(readRecordMeta(JSON.stringify({ ...META, stream: `/log-${n}`, position: n }))).toMatchObject({
        stream: `/log-${n}`,
        position: n,
      });
  });
});
