import { expect, it } from 'vitest';
import type { Deliveries, Delivery } from './deliveries.ts';
import { createDeliveryTable, type DeliveryHead } from './delivery-table.ts';

const HEAD: DeliveryHead = {
  ...{ source: 'auditd', cluster: 'c', node: 'n', collector: 'k', bootId: 'b', stream: 's', lines: 2 },
  ...{ attrs: { a: '1' }, loader: 'l' },
};

it('gives what was put into it, whole or in parts of parts, as an array does', () => {
  const bytes = Buffer.from('0123456789');
  const table = createDeliveryTable();
  const expected: Delivery[] = [];
  for (let i = 0; i < 10; i++) {
    const head = { ...HEAD, node: `n${i % 3}` };
    const numbers = { seq: 2 ** 40 + i, receivedAtUs: 1.7e15 + i, position: i };
    table.add(head, numbers, bytes, i, 10);
    expected.push({ ...head, ...numbers, raw: bytes.subarray(i, 10) });
  }
  expect(table.length).toBe(10);
  expect(table.rawBytes).toBe(55);
  const isAs = (some: Deliveries, others: readonly Delivery[]) => {
    expect(some.length).toBe(others.length);
    expect([...some]).toEqual(others);
  };
  isAs(table, expected);
  for (const [from, to] of [
    [0, 4],
    [4, undefined],
    [3, 99],
    [0, 0],
  ] as const) {
    isAs(table.slice(from, to), expected.slice(from, to));
    isAs(table.slice(2, 9).slice(from, to), expected.slice(2, 9).slice(from, to));
  }
});
