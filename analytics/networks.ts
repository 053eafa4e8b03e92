// Which addresses are of the public Internet, for the program and for the engine. Private, shared, loopback and link-local ones belong to the
// cluster and its neighbours, where one address has many users.
import { BlockList, isIP } from 'node:net';

const NEAR: readonly [network: string, bits: number, family: 'ipv4' | 'ipv6'][] = [
  ['0.0.0.0', 8, 'ipv4'], // this host (RFC 1122)
  ['10.0.0.0', 8, 'ipv4'], // private (RFC 1918)
  ['100.64.0.0', 10, 'ipv4'], // shared (RFC 6598): also pods of some clouds
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'], // link-local: also the clouds' metadata service
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'], // multicast and reserved
  ['::', 127, 'ipv6'], // unspecified and loopback
  ['fc00::', 7, 'ipv6'], // unique local (RFC 4193)
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
];

const near = new BlockList();
for (const [network, bits, family] of NEAR) near.addSubnet(network, bits, family);

export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && !near.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** @param address SQL of an address that is one; the engine refuses to compare another text */
export const isNear = (address: string): string =>
  NEAR.map(([network, bits]) => `isIPAddressInRange(${address}, '${network}/${bits}')`).join(' OR ');

/** @param address SQL of any text @returns SQL: whether it is an address of the Internet */
export const isOutside = (address: string): string =>
  `NOT (${isNear(`if(isIPv4String(${address}) OR isIPv6String(${address}), ${address}, '0.0.0.0')`)})`;
