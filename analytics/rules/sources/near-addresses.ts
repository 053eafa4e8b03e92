// Addresses that are no part of the Internet: private, shared, loopback, link-local, unspecified. The same as analytics/chains/addresses.ts, for the engine.
const NEAR = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '100.64.0.0/10',
  '0.0.0.0/8',
  'fc00::/7',
  'fe80::/10',
  '::1/128',
  '::/128',
];

/** @param address SQL of an address that is one; the engine refuses to compare another text */
export const isNear = (address: string): string =>
  NEAR.map((network) => `isIPAddressInRange(${address}, '${network}')`).join(' OR ');

/** @param address SQL of any text @returns whether it is an address of the Internet */
export const isOutside = (address: string): string =>
  `NOT (${isNear(`if(isIPv4String(${address}) OR isIPv6String(${address}), ${address}, '0.0.0.0')`)})`;
