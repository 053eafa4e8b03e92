// Compressed bytes for tests. Node 20 writes no zstd: frames of stored blocks are valid zstd all the same.

const BLOCK_BYTES_MAX = 128 * 1024;

/** One zstd frame that holds the bytes uncompressed (RFC 8878, raw blocks). */
export function zstdStored(bytes: Buffer): Buffer {
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38]); // no checksum, window of 128 KiB
  const parts: Buffer[] = [header];
  for (let at = 0; at === 0 || at < bytes.length; at += BLOCK_BYTES_MAX) {
    const block = bytes.subarray(at, at + BLOCK_BYTES_MAX);
    const last = at + BLOCK_BYTES_MAX >= bytes.length ? 1 : 0;
    const head = Buffer.alloc(3);
    head.writeUIntLE((block.length << 3) | last, 0, 3);
    parts.push(head, block);
  }
  return Buffer.concat(parts);
}

/** A frame that decoders pass over. */
export function zstdSkippable(bytes: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184d2a50, 0);
  head.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}
