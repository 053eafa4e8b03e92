import { expect, it } from 'vitest';
import { readAddress, START, writeAddress } from './address.ts';

it('comes back as it was written', () => {
  const address = { chain: 'c1', from: 1795439469264, to: 1795439481000, step: 3, record: 'ab'.repeat(32), all: true };
  expect(readAddress(writeAddress(address))).toEqual(address);
  expect(writeAddress(address)).toContain('from=2026-11-23T13:11:09.264Z');
  expect(readAddress(writeAddress(START))).toEqual(START);
});

it('takes nothing from an address that makes no sense', () => {
  expect(readAddress('#from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z&step=-1&record=<script>')).toEqual(START);
});
