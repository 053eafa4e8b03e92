// How many records of a batch the engine takes at once. Blocks are counted in rows, and a row may be a kilobyte or sixteen megabytes: of
// events of 60 KB, 8,192 at once are half a gigabyte, several times over (docs/decisions/0021-large-batches-in-files.md).
import { BLOCK_ROWS } from '../../analytics/decode/decode.ts';

// Twice what 8,192 events of the usual two kilobytes have, so that the largest record there is (16 MiB) changes nothing among those.
const BLOCK_BYTES_MAX = 32 * 1024 * 1024;
/** Below it blocks cost more than they hold. */
const RUN_ROWS = 64;

export interface BlockRows {
  add(bytes: number): void;
  /** The most, up to BLOCK_ROWS, of which no block is over its bytes. */
  most(): number;
}

export function createBlockRows(): BlockRows {
  const bytesOfRuns: number[] = [];
  let rows = 0;
  const isOver = (blockRows: number): boolean => {
    const runs = blockRows / RUN_ROWS;
    for (let from = 0; from < bytesOfRuns.length; from += runs) {
      const bytes = bytesOfRuns.slice(from, from + runs).reduce((sum, n) => sum + n, 0);
      if (bytes > BLOCK_BYTES_MAX) return true;
    }
    return false;
  };
  return {
    add: (bytes) => {
      const run = Math.floor(rows++ / RUN_ROWS);
      bytesOfRuns[run] = (bytesOfRuns[run] ?? 0) + bytes;
    },
    most: () => {
      let blockRows = BLOCK_ROWS;
      while (blockRows > RUN_ROWS && isOver(blockRows)) blockRows /= 2;
      return blockRows;
    },
  };
}
