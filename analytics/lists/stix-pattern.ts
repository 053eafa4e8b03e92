// A STIX pattern to what it looks for, where that is a list of alternatives: [ipv4-addr:value = '198.51.100.7' OR url:value = '...'].
// What asks for several things at once, in an order or within a time, or for what is not, is no list: it is told, not guessed.
// Specification: https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html#_e8slinrhxcc9
import type { IndicatorType } from './indicator.ts';

const PATHS: Record<string, IndicatorType> = {
  'ipv4-addr:value': 'address',
  'ipv6-addr:value': 'address',
  'network-traffic:dst_ref.value': 'address',
  'network-traffic:src_ref.value': 'address',
  'domain-name:value': 'domain',
  'url:value': 'url',
  'file:name': 'name',
  'file:path': 'path',
  'file:hashes.sha-256': 'digest',
  'file:hashes.sha-1': 'digest',
  'file:hashes.md5': 'digest',
};

export interface Alternative {
  type: IndicatorType;
  value: string;
}

const TOKEN = /\s+|'((?:[^'\\]|\\.)*)'|([\w-]+:[\w.'"[\]*-]+)|([A-Za-z]+)|(!=|>=|<=|[=<>[\](),])/y;

interface Token {
  kind: 'text' | 'path' | 'word';
  text: string;
}

/** @returns words on why it is none */
export function alternativesOf(pattern: string): Alternative[] | string {
  const tokens = tokensOf(pattern);
  if (tokens === undefined) return `a pattern that cannot be read: ${pattern.slice(0, 100)}`;
  const beyond = tokens.find(
    ({ kind, text }) =>
      kind === 'word' && /^(and|not|followedby|within|repeats|start|like|matches|!=|>=|<=|[<>])$/i.test(text),
  );
  if (beyond) return `a pattern with ${beyond.text} is no list of values`;
  const found: Alternative[] = [];
  let type: IndicatorType | undefined;
  for (const { kind, text } of tokens) {
    if (kind === 'path') {
      type = PATHS[text.toLowerCase().replaceAll(/['"]/g, '')];
      if (type === undefined) return `Vestige's records do not tell ${text}`;
    } else if (kind === 'text') {
      if (type === undefined) return 'a value of nothing';
      // a whole path as a name is written by many
      found.push({ type: type === 'name' && text.startsWith('/') ? 'path' : type, value: text });
    }
  }
  return found.length === 0 ? 'a pattern without a value' : found;
}

function tokensOf(pattern: string): Token[] | undefined {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < pattern.length) {
    const match = TOKEN.exec(pattern);
    if (!match) return undefined;
    const [, text, path, word, sign] = match;
    if (text !== undefined) tokens.push({ kind: 'text', text: text.replace(/\\(.)/g, '$1') });
    else if (path !== undefined) tokens.push({ kind: 'path', text: path.replace(/\]$/, '') });
    else if (word !== undefined || sign !== undefined) tokens.push({ kind: 'word', text: word ?? sign ?? '' });
  }
  return tokens;
}
