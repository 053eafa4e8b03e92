import { describe, expect, it } from 'vitest';
import { createBlockRows } from './block-rows.ts';

const MIB = 1024 * 1024;
function most(...records: (readonly [rows: number, bytes: number])[]): number {
  const blocks = createBlockRows();
  for (const [rows, bytes] of records) for (let i = 0; i < rows; i++) blocks.add(bytes);
  return blocks.most();
}

describe('records that the engine takes at once', () => {
  it('are as many as ever where none is large, and one of the largest among small ones changes nothing', () => {
    expect(most()).toBe(8_192);
    expect(most([20_000, 1_900])).toBe(8_192);
    expect(most([5_000, 1_900], [1, 16 * MIB], [10_000, 1_900])).toBe(8_192);
  });

  it('are at most 32 MiB, wherever the large ones stand', () => {
    // 512 of 64 KiB are 32 MiB
    expect(most([8_192, 64 * 1024])).toBe(512);
    expect(most([8_192, 64 * 1024 + 1])).toBe(256);
    expect(most([100_000, 100], [1_024, 64 * 1024], [100_000, 100])).toBe(512);
  });

  it('are no fewer than 64', () => {
    expect(most([128, 16 * MIB])).toBe(64);
  });
});
