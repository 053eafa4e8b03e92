// An indicator as it is compared: what somebody wrote on a list, in one form. Names of hosts in small letters, addresses as networks,
// URLs without their scheme, digests with their algorithm. Defanged texts (hxxp://, 1[.]2[.]3[.]4) are read as what they mean.
import { isIP } from 'node:net';

export const INDICATOR_TYPES = ['address', 'domain', 'url', 'digest', 'path', 'name'] as const;
export type IndicatorType = (typeof INDICATOR_TYPES)[number];

export interface Indicator {
  type: IndicatorType;
  value: string;
  /** As the list has it. */
  written: string;
  /** Of an address: it, and the length of its prefix as of an IPv6 address. */
  address: string;
  prefix: number;
  note: string;
  sourceId: string;
  /** ms since 1970; 0 for not told. */
  validFrom: number;
  validUntil: number;
}

type Made = Pick<Indicator, 'type' | 'value' | 'address' | 'prefix'>;

/** Names of types in lists of others: MISP, OTX, STIX, plain words. */
const TYPES: Record<string, IndicatorType> = {
  ...{
    address: 'address',
    ip: 'address',
    ipv4: 'address',
    ipv6: 'address',
    'ipv4-addr': 'address',
    'ipv6-addr': 'address',
  },
  ...{ 'ip-dst': 'address', 'ip-src': 'address', cidr: 'address', network: 'address' },
  ...{ domain: 'domain', 'domain-name': 'domain', hostname: 'domain', host: 'domain', fqdn: 'domain' },
  ...{ url: 'url', uri: 'url', digest: 'digest', hash: 'digest', md5: 'digest', sha1: 'digest', sha256: 'digest' },
  ...{
    'sha-256': 'digest',
    filehash: 'digest',
    'filehash-sha256': 'digest',
    'filehash-md5': 'digest',
    image: 'digest',
  },
  ...{
    path: 'path',
    file: 'path',
    filepath: 'path',
    'file-path': 'path',
    name: 'name',
    filename: 'name',
    'file-name': 'name',
  },
};

export const typeOf = (word: string): IndicatorType | undefined =>
  TYPES[word.trim().toLowerCase().replaceAll('_', '-')];

/** Undefined for what is none. @param type as the list says it; without it the text tells. */
export function madeOf(written: string, type?: IndicatorType): Made | undefined {
  const text = refang(written.trim());
  if (type !== undefined) return makers[type](text);
  for (const guess of ['address', 'digest', 'url', 'path', 'domain'] as const) {
    const made = makers[guess](text);
    if (made && !(guess === 'url' && !/^[a-z][a-z0-9+.-]*:\/\//i.test(text))) return made;
  }
  return undefined;
}

const refang = (text: string): string =>
  text
    .replace(/^hxxp/i, 'http')
    .replace(/\[(\.|:|:\/\/)\]/g, '$1')
    .replace(/\((\.)\)/g, '$1')
    .replace(/\[dot\]/gi, '.');

const plain = (type: IndicatorType, value: string): Made => ({ type, value, address: '', prefix: 0 });

const makers: Record<IndicatorType, (text: string) => Made | undefined> = {
  address: (text) => {
    const [host = '', bits, ...rest] = text.replace(/^\[(.*)\]$/, '$1').split('/');
    const version = isIP(host);
    if (version === 0 || rest.length > 0 || host.includes('%')) return undefined;
    const max = version === 4 ? 32 : 128;
    const length = bits === undefined ? max : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
    if (!(length <= max)) return undefined;
    // all addresses there are are no indicator, but a mistake that marks every event
    if (length === 0) return undefined;
    const value = length === max ? host.toLowerCase() : `${host.toLowerCase()}/${length}`;
    return { type: 'address', value, address: host, prefix: version === 4 ? 96 + length : length };
  },
  domain: (text) => {
    const name = text
      .toLowerCase()
      .replace(/^\*?\./, '')
      .replace(/\.$/, '');
    const isName = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{1,62}$/.test(name);
    return isName ? plain('domain', name) : undefined;
  },
  url: (text) => {
    const [, host = '', rest = ''] =
      /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:[^/@\s]*@)?(\[[^\]]+\]|[^/\s?#]+)([^\s#]*)/i.exec(text) ?? [];
    if (host === '' || /\s/.test(text)) return undefined;
    const path = rest.replace(/\/$/, '');
    // without a path it is the host that is meant, whatever the port
    const bare = host.replace(/:\d{1,5}$/, '');
    if (path === '') return makers.address(bare) ?? makers.domain(bare);
    return makers.address(bare) || makers.domain(bare) ? plain('url', `${host.toLowerCase()}${path}`) : undefined;
  },
  digest: (text) => {
    const hex = text.toLowerCase().replace(/^(?:.*@)?(?:sha-?256|sha-?1|md5):/, '');
    if (!/^[0-9a-f]+$/.test(hex)) return undefined;
    const algorithm = { 32: 'md5', 40: 'sha1', 64: 'sha256' }[hex.length];
    return algorithm === undefined ? undefined : plain('digest', `${algorithm}:${hex}`);
  },
  path: (text) => (/^\/[^\0]+$/.test(text) ? plain('path', text) : undefined),
  name: (text) => (/^[^/\0]+$/.test(text) ? plain('name', text) : undefined),
};
