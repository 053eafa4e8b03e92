import { expect, test } from 'vitest';
import { isPublicAddress } from './networks.ts';

test.each(['203.0.113.66', '8.8.8.8', '2001:db8::1', '172.32.0.1'])('%s is of the public Internet', (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

test.each([
  '10.1.2.3',
  '172.16.0.1',
  '192.168.1.1',
  '127.0.0.1',
  '169.254.169.254',
  '100.64.0.1',
  'fd00::1',
  'fe80::1',
  '::1',
  '::ffff:10.0.0.1',
  '',
  'not an address',
])('%s is not', (address) => {
  expect(isPublicAddress(address)).toBe(false);
});
