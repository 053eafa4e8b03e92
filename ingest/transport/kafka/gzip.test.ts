import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { CompressionCodecs, CompressionTypes } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { useGzip } from './gzip.ts';

interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}
useGzip();
const codec = CompressionCodecs[CompressionTypes.GZIP]?.() as Codec;

describe('gzip for kafkajs', () => {
  it('gives back what was packed, of any size', async () => {
    for (const bytes of [0, 1, 1_000, 16_384, 65_536, 900_000, 20_000_000]) {
      const text = Buffer.alloc(bytes, 'type=SYSCALL msg=audit(1795439395.812:10023): ');
      expect((await codec.decompress(await codec.compress({ buffer: text }))).equals(text), `${bytes}`).toBe(true);
    }
    const noise = randomBytes(3_000_000);
    expect((await codec.decompress(await codec.compress({ buffer: noise }))).equals(noise)).toBe(true);
  });

  it('inflates what others packed, in one member or several, whatever size the last one tells', async () => {
    const members = [gzipSync('a'.repeat(100_000)), gzipSync('b')];
    expect((await codec.decompress(Buffer.concat(members))).toString()).toBe(`${'a'.repeat(100_000)}b`);
  });

  it('refuses what is no gzip', async () => {
    for (const bytes of ['', 'gz', 'no gzip at all'])
      await expect(codec.decompress(Buffer.from(bytes))).rejects.toThrow();
  });
});
