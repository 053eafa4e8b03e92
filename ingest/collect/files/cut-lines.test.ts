// However the bytes of a log come, its lines are the same; and wherever one stops, one can go on.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineCutter, type LinePlace } from './cut-lines.ts';

interface Cut {
  text: string;
  offset: number;
  whole: boolean;
}

function cut(chunks: readonly Buffer[], max: number, from: LinePlace = { offset: 0, within: false }, end = true) {
  const cutter = createLineCutter(max);
  cutter.begin(from);
  const lines: Cut[] = [];
  const places: { lines: number; place: LinePlace }[] = [];
  const take = (given: Iterable<{ bytes: Buffer; from: number; to: number; offset: number; whole: boolean }>) => {
    for (const { bytes, from, to, offset, whole } of given)
      lines.push({ text: bytes.toString('latin1', from, to), offset, whole });
    places.push({ lines: lines.length, place: cutter.place() });
  };
  for (const chunk of chunks) take(cutter.push(chunk));
  if (end) take(cutter.end());
  return { lines, places };
}

function chunked(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

const texts = (lines: readonly Cut[]) => lines.map(({ text, whole }) => (whole ? text : `${text}~`));

const log = fc
  .array(fc.constantFrom('\n', 'a', 'bc', 'defg\r', 'hijklmnopqrs'), { maxLength: 40 })
  .map((parts) => Buffer.from(parts.join('')));
const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 });

describe('lines of a log that is followed', () => {
  it('keep their carriage returns; the last one needs no newline once the file is finished', () => {
    const bytes = Buffer.from('one\r\n\ntwo\nthr');
    expect(texts(cut([bytes], 100).lines)).toEqual(['one\r', '', 'two', 'thr']);
    expect(texts(cut([bytes], 100, undefined, false).lines)).toEqual(['one\r', '', 'two']);
  });

  it('come in pieces when they are too long, none of them lost', () => {
    expect(texts(cut([Buffer.from('abcdefgh\nij\n')], 3).lines)).toEqual(['abc~', 'def~', 'gh~', 'ij']);
    expect(texts(cut([Buffer.from('abcdef\nij')], 3).lines)).toEqual(['abc~', 'def~', 'ij']);
    expect(texts(cut([Buffer.from('abc\n')], 3).lines)).toEqual(['abc']);
  });

  it('are the same however the bytes come, and stand where their offsets say', () => {
    fc.assert(
      fc.property(log, sizes, fc.integer({ min: 2, max: 20 }), (bytes, sizes, max) => {
        const { lines } = cut(chunked(bytes, sizes), max);
        expect(lines).toEqual(cut([bytes], max).lines);
        for (const { text, offset } of lines) expect(bytes.toString('latin1', offset, offset + text.length)).toBe(text);
        expect(lines.reduce((sum, { text }) => sum + text.length, 0)).toBe(bytes.filter((byte) => byte !== 10).length);
      }),
      { numRuns: 500 },
    );
  });

  it('go on after a stop at any place as if nothing had been', () => {
    fc.assert(
      fc.property(log, sizes, fc.integer({ min: 2, max: 20 }), fc.nat(), (bytes, sizes, max, n) => {
        const all = cut(chunked(bytes, sizes), max);
        const stopped = all.places[n % all.places.length];
        if (!stopped) return;
        const rest = cut(chunked(bytes.subarray(stopped.place.offset), [3, 5]), max, stopped.place);
        expect([...all.lines.slice(0, stopped.lines), ...rest.lines]).toEqual(all.lines);
      }),
      { numRuns: 500 },
    );
  });
});
