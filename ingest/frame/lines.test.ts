// Bytes to lines: however the bytes come, the same lines at the same offsets, and no byte lost.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { zstdSkippable, zstdStored } from '../test-support/compress.ts';
import { ReadError, readUncompressed, splitLines, start } from './lines.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-lines-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

// In one buffer that is written over, as a file is read.
async function* chunked(bytes: Buffer, cuts: readonly number[]): AsyncIterable<Buffer> {
  const buffer = Buffer.alloc(bytes.length);
  const at = [...new Set(cuts.map((c) => c % (bytes.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...at, bytes.length]) {
    if (to > from) yield buffer.subarray(0, bytes.copy(buffer.fill(0), 0, from, to));
    from = to;
  }
}

interface Line {
  bytes: Buffer;
  offset: number;
  whole: boolean;
}

async function linesOf(chunks: AsyncIterable<Buffer>, max?: number): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const block of splitLines(chunks, max)) {
    for (let i = 0; i < block.count; i++) {
      const from = start(block, i);
      const bytes = Buffer.from(block.bytes.subarray(from, block.ends[i]));
      lines.push({ bytes, offset: block.offset + from, whole: block.whole });
    }
  }
  return lines;
}

// Mostly what logs are made of, with what they should not hold.
const logBytes = fc
  .array(fc.constantFrom('\n', '\r\n', '\0', 'type=SYSCALL ', '{"a":1}', '\xff\xfe', 'é', ' '), { maxLength: 60 })
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));
const cuts = fc.array(fc.nat(400), { maxLength: 20 });

describe('lines', () => {
  it('do not depend on where chunks end', async () => {
    await fc.assert(
      fc.asyncProperty(logBytes, cuts, async (bytes, at) => {
        expect(await linesOf(chunked(bytes, at))).toEqual(await linesOf(chunked(bytes, [])));
      }),
    );
  });

  it('hold every byte of the stream at its offset', async () => {
    await fc.assert(
      fc.asyncProperty(logBytes, cuts, async (bytes, at) => {
        const lines = await linesOf(chunked(bytes, at));
        for (const { bytes: line, offset } of lines) expect(bytes.subarray(offset, offset + line.length)).toEqual(line);
        const joined = Buffer.concat(lines.flatMap((l) => [l.bytes, Buffer.from('\n')]));
        expect(joined.subarray(0, bytes.length)).toEqual(bytes);
        expect(joined.length - bytes.length).toBe(bytes.length === 0 || bytes.at(-1) === 10 ? 0 : 1);
      }),
    );
  });

  it('too long to hold come in pieces that lose no byte, and say so', async () => {
    await fc.assert(
      fc.asyncProperty(logBytes, cuts, fc.integer({ min: 1, max: 50 }), async (bytes, at, max) => {
        const longestChunk = bytes.length; // a piece is cut after the chunk that made it too long
        const lines = await linesOf(chunked(bytes, at), max);
        for (const { bytes: line, offset } of lines) {
          expect(line.length).toBeLessThanOrEqual(max + longestChunk);
          expect(bytes.subarray(offset, offset + line.length)).toEqual(line);
        }
        expect(lines.reduce((n, l) => n + l.bytes.length, 0)).toBe(bytes.filter((b) => b !== 10).length);
      }),
    );
    const long = await linesOf(chunked(Buffer.from(`${'x'.repeat(100)}\nshort\n`), [30, 60, 90]), 25);
    expect(long.map((l) => [l.bytes.length, l.offset, l.whole])).toEqual([
      [30, 0, false],
      [30, 30, false],
      [30, 60, false],
      [10, 90, false],
      [5, 101, true],
    ]);
  });

  it('of 40 MB in one piece are never held whole', async () => {
    const chunk = Buffer.alloc(1 << 18, 120);
    const endless = (async function* () {
      for (let i = 0; i < 160; i++) yield chunk;
    })();
    let longest = 0;
    let total = 0;
    for await (const { bytes } of splitLines(endless, 1 << 20)) {
      longest = Math.max(longest, bytes.length);
      total += bytes.length;
    }
    expect(longest).toBeLessThanOrEqual((1 << 20) + chunk.length);
    expect(total).toBe(160 * chunk.length);
  });
});

describe('a file', () => {
  // random bytes compress to themselves: a damaged file has its damage near where its bytes are
  const content = Buffer.from(
    Array.from({ length: 6000 }, (_, i) => `${i} ${randomBytes(40).toString('base64')}`).join('\n'),
  );
  let files = 0;
  const read = async (bytes: Buffer) => {
    const path = join(directory, `${files++}`);
    writeFileSync(path, bytes);
    const parts: Buffer[] = [];
    let heard = 0;
    let error: unknown;
    try {
      for await (const part of readUncompressed(path, (n) => (heard += n))) parts.push(Buffer.from(part));
    } catch (e) {
      error = e;
    }
    return { bytes: Buffer.concat(parts), heard, error };
  };
  const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

  it.each<[string, Buffer]>([
    ['plain', content],
    ['gzip', gzipSync(content)],
    [
      'gzip of several members',
      Buffer.concat([gzipSync(content.subarray(0, 99_999)), gzipSync(content.subarray(99_999))]),
    ],
    ['zstd', zstdStored(content)],
    [
      'zstd of several frames, some to skip',
      Buffer.concat([
        zstdSkippable(Buffer.from('index')),
        zstdStored(content.subarray(0, 99_999)),
        zstdSkippable(Buffer.alloc(0)),
        zstdStored(content.subarray(99_999)),
      ]),
    ],
  ])('%s is read whole, and its bytes are heard of', async (_, bytes) => {
    const got = await read(bytes);
    expect(got.error).toBeUndefined();
    expect(sha(got.bytes)).toBe(sha(content));
    expect(got.heard).toBe(bytes.length);
  });

  it.each<[string, Buffer]>([
    ['plain', content],
    ['gzip', gzipSync(content)],
    ['zstd', zstdStored(content)],
  ])('%s is closed by whoever stops at its first chunk', async (_, bytes) => {
    const path = join(directory, `${files++}`);
    writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(4 << 20)])); // more than a chunk
    for await (const part of readUncompressed(path, () => undefined)) if (part.length > 0) break;
    const open = readdirSync('/proc/self/fd').flatMap((fd) => {
      const target = `/proc/self/fd/${fd}`;
      return existsSync(target) ? [readlinkSync(target)] : [];
    });
    expect(open).not.toHaveLength(0);
    expect(open).not.toContain(path);
  });

  it.each([0, 1, 2, 3])('of %i bytes is read as it is', async (n) => {
    const bytes = Buffer.from([0x1e, 0x8b, 0x08]).subarray(0, n);
    expect((await read(bytes)).bytes).toEqual(bytes);
  });

  it.each<[string, (b: Buffer) => Buffer, Buffer]>([
    ['gzip cut short', (b) => b.subarray(0, Math.floor(b.length / 2)), gzipSync(content)],
    ['gzip cut before its checksum', (b) => b.subarray(0, b.length - 6), gzipSync(content)],
    [
      'gzip with a wrong checksum',
      (b) => Buffer.concat([b.subarray(0, b.length - 8), Buffer.alloc(8, 7)]),
      gzipSync(content),
    ],
    ['zstd cut short', (b) => b.subarray(0, Math.floor(b.length / 2)), zstdStored(content)],
    [
      'zstd with a block of no type',
      (b) => {
        const d = Buffer.from(b);
        d[6 + 3 + 128 * 1024] = 0xff;
        return d;
      },
      zstdStored(content),
    ],
  ])('%s gives what stands before the damage, then an error that says so', async (_, damage, whole) => {
    const got = await read(damage(whole));
    expect(got.error).toBeInstanceOf(ReadError);
    expect(content.subarray(0, got.bytes.length).equals(got.bytes)).toBe(true);
    expect(got.bytes.length).toBeGreaterThan(0.3 * content.length);
  });
});
