// zstd as files have it: frames one after another, some to be skipped, most with a checksum (RFC 8878). fzstd decodes blocks
// but checks nothing: of 150 single flipped bits it let 139 through as other content. Here each frame is found, so that what
// came out of it can be held against its checksum.
import { Decompress } from 'fzstd';
import { createXxh64, type Xxh64 } from './xxh64.ts';

const MAGIC = 0xfd2fb528;
const isSkippable = (magic: number) => (magic & 0xfffffff0) >>> 0 === 0x184d2a50;
const RLE = 1; // a block of one byte, repeated

/** True where the first bytes of a file are those of zstd; pzstd begins with a frame to be skipped. */
export function isZstd(head: Buffer): boolean {
  if (head.length < 4) return false;
  const magic = head.readUInt32LE(0);
  return magic === MAGIC || isSkippable(magic);
}

type Field = 'magic' | 'skip-size' | 'skip' | 'descriptor' | 'header' | 'block-header' | 'block' | 'checksum';

interface Frame {
  decoder: Decompress;
  hash: Xxh64;
  hasChecksum: boolean;
  inLastBlock: boolean;
}

interface ZstdReader {
  /** Hands the content of a chunk to `onContent`; throws where the bytes are no zstd or not what was compressed. */
  push(chunk: Buffer): void;
  /** Throws when the bytes end inside a frame. */
  end(): void;
}

export function createZstdReader(onContent: (bytes: Buffer) => void): ZstdReader {
  let field: Field = 'magic';
  let left = 4;
  let held: number[] = []; // bytes of a field of fixed size; others pass by
  let frame: Frame | undefined;

  const expectField = (next: Field, bytes: number) => {
    field = next;
    left = bytes;
    held = [];
  };
  const number = () => held.reduceRight((n, byte) => n * 256 + byte, 0);
  const endFrame = (expected: number | undefined) => {
    frame?.decoder.push(new Uint8Array(0), true);
    if (frame && expected !== undefined && Number(frame.hash.digest() & 0xffffffffn) !== expected) {
      throw new Error('the checksum of a zstd frame does not match: its content is not what was compressed');
    }
    frame = undefined;
    expectField('magic', 4);
  };

  // What a whole field says about the one that follows it. Called with the frame's bytes so far given to its decoder.
  const follow: Record<Field, () => void> = {
    magic: () => {
      const magic = number();
      if (isSkippable(magic)) return expectField('skip-size', 4);
      if (magic !== MAGIC) throw new Error('what follows a zstd frame is none');
      expectField('descriptor', 1);
    },
    'skip-size': () => expectField('skip', number()),
    skip: () => expectField('magic', 4),
    descriptor: () => {
      const descriptor = number();
      const single = (descriptor >> 5) & 1;
      const contentSize = [single, 2, 4, 8][descriptor >> 6] ?? 0;
      const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
      if (frame) frame.hasChecksum = ((descriptor >> 2) & 1) === 1;
      expectField('header', 1 - single + dictionary + contentSize);
    },
    header: () => expectField('block-header', 3),
    'block-header': () => {
      const header = number();
      if (frame) frame.inLastBlock = (header & 1) === 1;
      expectField('block', ((header >> 1) & 3) === RLE ? 1 : header >> 3);
    },
    block: () => {
      if (!frame?.inLastBlock) expectField('block-header', 3);
      else if (frame.hasChecksum) expectField('checksum', 4);
      else endFrame(undefined);
    },
    checksum: () => endFrame(number()),
  };
  const openFrame = (): Frame => {
    const hash = createXxh64();
    const decoder = new Decompress((bytes) => {
      hash.update(bytes);
      onContent(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    });
    return { decoder, hash, hasChecksum: false, inLastBlock: false };
  };
  const decoded = (): boolean => field !== 'magic' && field !== 'skip-size' && field !== 'skip';

  return {
    push: (chunk) => {
      let given = 0; // bytes of the chunk that the frame's decoder has, or does not need
      for (let at = 0; at < chunk.length; ) {
        const n = Math.min(left, chunk.length - at);
        if (field !== 'skip' && field !== 'block') held.push(...chunk.subarray(at, at + n));
        at += n;
        left -= n;
        while (left === 0) {
          const begins = field === 'magic' && number() === MAGIC;
          if (begins) {
            frame = openFrame();
            frame.decoder.push(Uint8Array.from(held)); // the magic may have come in an earlier chunk
          } else if (decoded()) {
            frame?.decoder.push(chunk.subarray(given, at));
          }
          given = at;
          follow[field]();
        }
      }
      if (decoded()) frame?.decoder.push(chunk.subarray(given));
    },
    end: () => {
      if (field !== 'magic' || held.length > 0) throw new Error('the file ends inside a zstd frame');
    },
  };
}
