// Lines of real logs made wrong, by chance that a seed repeats.

export interface Chance {
  /** A whole number below n. */
  below(n: number): number;
  of<T>(things: readonly T[]): T;
}

/** mulberry32: small, fast, the same everywhere. */
export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (n: number) => (n <= 1 ? 0 : next() % n);
  return {
    below,
    of: (things) => {
      const thing = things[below(things.length)];
      if (thing === undefined) throw new RangeError('nothing to choose from');
      return thing;
    },
  };
}

// What has broken parsers: limits of integers, numbers that are none, escapes that end too soon, bytes that steer.
const NUMBERS = [
  '-1', '0', '99999999999999999999', '18446744073709551616', '9223372036854775808', '-9223372036854775809', '4294967296',
  '1e999', '-1e-999', '0x41', 'NaN', '0.1', '00', '1'.repeat(400),
].map((n) => Buffer.from(n)); // biome-ignore format: a list
const TEXTS = [
  '\\ud800', '\\u0000', '\\udfff\\ud800', '\\', '\\"', '"', "'", '\0', '\r', '\n', '\r\n', '\x1d', '\x1b[2J', '\xff\xfe', '\xc3', '\xed\xa0\x80',
  '[', '{', '}', ']', ',', ':', '=', '(', ')', '%00', '%', '%zz', '?', '(null)', '"}', "'}", ' ', '\t', 'a0[0]=', ' msg=audit(', 'type=EOE ', 'node= ', '../',
  '[[[[[[[['.repeat(200), '{"a":'.repeat(300), '41'.repeat(2000), ' a=b'.repeat(3000), '"auditID":"x",', '{{readable_json}}', "' OR 1=1 --", '{batch:String}',
].map((t) => Buffer.from(t, 'latin1')); // biome-ignore format: a list

type Mutation = (line: Buffer, chance: Chance, other: Buffer) => Buffer;

const cut = (line: Buffer, from: number, to: number, middle: Buffer = Buffer.alloc(0)) =>
  Buffer.concat([line.subarray(0, from), middle, line.subarray(to)]);

function span(line: Buffer, chance: Chance): [number, number] {
  const from = chance.below(line.length);
  return [from, Math.min(line.length, from + 1 + chance.below(chance.of([4, 40, line.length])))];
}

const mutations: Record<string, Mutation> = {
  flipBits: (line, chance) => {
    const copy = Buffer.from(line);
    for (let n = 1 + chance.below(4); n > 0 && copy.length > 0; n--) {
      const at = chance.below(copy.length);
      copy[at] = (copy[at] ?? 0) ^ (1 << chance.below(8));
    }
    return copy;
  },
  truncate: (line, chance) => line.subarray(0, chance.below(line.length)),
  behead: (line, chance) => line.subarray(chance.below(line.length)),
  remove: (line, chance) => cut(line, ...span(line, chance)),
  repeat: (line, chance) => {
    const [from, to] = span(line, chance);
    const part = line.subarray(from, Math.min(to, from + 2000));
    return cut(line, from, to, Buffer.concat(Array.from({ length: 1 + chance.below(30) }, () => part)));
  },
  splice: (line, chance, other) =>
    Buffer.concat([line.subarray(0, chance.below(line.length)), other.subarray(chance.below(other.length))]),
  swap: (line, chance) => {
    const [a, b] = [chance.below(line.length), chance.below(line.length)].sort((x, y) => x - y) as [number, number];
    return Buffer.concat([line.subarray(b), line.subarray(a, b), line.subarray(0, a)]);
  },
  number: (line, chance) => {
    const found = [...line.toString('latin1').matchAll(/\d+/g)];
    if (found.length === 0) return line;
    const { index, 0: digits } = chance.of(found);
    return cut(line, index, index + digits.length, chance.of(NUMBERS));
  },
  text: (line, chance) => {
    const at = chance.below(line.length + 1);
    return cut(line, at, at, chance.of(TEXTS));
  },
  noise: (line, chance) => {
    const at = chance.below(line.length + 1);
    return cut(line, at, at, Buffer.from(Array.from({ length: 1 + chance.below(12) }, () => chance.below(256))));
  },
};
const kinds = Object.values(mutations);

// What a line is recognised by stands within these bytes.
const HEAD_BYTES = 64;

/** One in eight lines stays as it is; the others are changed once to three times, half of them only behind their head. */
export function mutate(line: Buffer, chance: Chance, other: Buffer): Buffer {
  const head = chance.below(2) === 0 ? line.subarray(0, HEAD_BYTES) : Buffer.alloc(0);
  let rest = line.subarray(head.length);
  for (let n = chance.below(8) === 0 ? 0 : chance.of([1, 1, 1, 2, 3]); n > 0; n--)
    rest = chance.of(kinds)(rest, chance, other);
  return Buffer.concat([head, rest]);
}
