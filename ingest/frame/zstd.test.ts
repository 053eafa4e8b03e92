// zstd frames as they come in files, whole and damaged.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { decompress } from 'fzstd';
import { describe, expect, it } from 'vitest';
import { zstdSkippable, zstdStored } from '../test-support/compress.ts';
import { createXxh64 } from './xxh64.ts';
import { createZstdReader, isZstd } from './zstd.ts';

const recorded = readFileSync('test/fixtures/recordings/web-to-cluster/containerd-events.log.zst');
const content = Buffer.from(decompress(recorded));

function read(bytes: Buffer, chunkBytes = bytes.length): Buffer {
  const parts: Buffer[] = [];
  const reader = createZstdReader((part) => parts.push(Buffer.from(part)));
  for (let at = 0; at < bytes.length; at += chunkBytes) reader.push(bytes.subarray(at, at + chunkBytes));
  reader.end();
  return Buffer.concat(parts);
}

describe('XXH64', () => {
  // from the test vectors of the reference implementation, seed 0
  it.each([
    ['', 0xef46db3751d8e999n],
    ['a', 0xd24ec4f1a98c6e5bn],
    ['abc', 0x44bc2cf5ad770999n],
    ['Nobody inspects the spammish repetition', 0xfbcea83c8a378bf1n],
  ])('of %j is known', (text, expected) => {
    const hash = createXxh64();
    hash.update(Buffer.from(text));
    expect(hash.digest()).toBe(expected);
  });

  it('does not depend on how the bytes come', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
        (bytes, sizes) => {
          const [whole, parts] = [createXxh64(), createXxh64()];
          whole.update(bytes);
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const n = sizes[i % sizes.length] ?? 1;
            parts.update(bytes.subarray(at, at + n));
            at += n;
          }
          expect(parts.digest()).toBe(whole.digest());
        },
      ),
    );
  });
});

describe('zstd', () => {
  it('with a checksum is read and agrees with it, in chunks of any size', () => {
    expect((recorded[4] ?? 0) & 4).toBe(4);
    for (const size of [recorded.length, 1000, 17, 1]) expect(read(recorded, size).equals(content)).toBe(true);
  });

  it('of several frames, with and without checksums, some to skip, is their content in order', () => {
    const bytes = Buffer.concat([
      zstdSkippable(Buffer.from('x')),
      recorded,
      zstdStored(Buffer.from('plain')),
      zstdSkippable(Buffer.alloc(0)),
      zstdStored(Buffer.alloc(0)),
      recorded,
    ]);
    for (const size of [bytes.length, 1009, 3]) {
      expect(read(bytes, size).equals(Buffer.concat([content, Buffer.from('plain'), content]))).toBe(true);
    }
  });

  it('with any one bit flipped is refused', () => {
    const silent: number[] = [];
    for (let i = 0; i < 60; i++) {
      const copy = Buffer.from(recorded);
      const at = 6 + Math.floor(((copy.length - 6) * i) / 60);
      copy[at] = (copy[at] ?? 0) ^ (1 << (i % 8));
      try {
        if (!read(copy).equals(content)) silent.push(at);
      } catch {
        // refused, as it should be
      }
    }
    expect(silent).toEqual([]);
  });

  it('cut short anywhere is refused', () => {
    for (const at of [5, 6, 8, 20, 1000, recorded.length - 4, recorded.length - 1])
      expect(() => read(recorded.subarray(0, at))).toThrow();
  });

  it('with something else behind it is refused after its content', () => {
    const parts: Buffer[] = [];
    const reader = createZstdReader((part) => parts.push(Buffer.from(part)));
    expect(() => reader.push(Buffer.concat([recorded, Buffer.from('hello')]))).toThrow(/none/);
    expect(Buffer.concat(parts).equals(content)).toBe(true);
  });

  it('is known by its first bytes', () => {
    expect([recorded, zstdSkippable(Buffer.from('x')), Buffer.from('(x'), Buffer.from('text')].map(isZstd)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
