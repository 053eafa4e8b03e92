// Lists of indicators as users have them.
import { describe, expect, it } from 'vitest';
import { madeOf } from './indicator.ts';
import { readIndicators } from './read-indicators.ts';

const values = (text: string) => readIndicators(text).indicators.map(({ type, value }) => `${type} ${value}`);

describe('what an indicator is', () => {
  it.each([
    ['198.51.100.7', 'address 198.51.100.7'],
    ['198.51.100[.]7', 'address 198.51.100.7'],
    ['198.51.100.0/24', 'address 198.51.100.0/24'],
    ['2001:DB8::/32', 'address 2001:db8::/32'],
    ['Evil.Example.', 'domain evil.example'],
    ['*.evil.example', 'domain evil.example'],
    ['hxxp://Evil[.]example/a/B?c=1#d', 'url evil.example/a/B?c=1'],
    ['https://user@evil.example:8443/x/', 'url evil.example:8443/x'],
    ['http://evil.example/', 'domain evil.example'],
    ['http://198.51.100.7:4444', 'address 198.51.100.7'],
    ['AB'.repeat(32), `digest sha256:${'ab'.repeat(32)}`],
    [`registry.example/app@sha256:${'ab'.repeat(32)}`, `digest sha256:${'ab'.repeat(32)}`],
    ['ab'.repeat(16), `digest md5:${'ab'.repeat(16)}`],
    ['/tmp/.x/miner', 'path /tmp/.x/miner'],
    ['0.0.0.0/0', undefined],
    ['198.51.100.0/33', undefined],
    ['198.51.100.256', undefined],
    ['localhost', undefined],
    ['two words', undefined],
    ['', undefined],
  ])('%s is %s', (text, wanted) => {
    const made = madeOf(text);
    expect(made && `${made.type} ${made.value}`).toBe(wanted);
  });
});

describe('a table', () => {
  it('of one column needs no header; comments and empty lines are passed over; bad lines are told by number', () => {
    const read = readIndicators('\uFEFF# feed\r\n198.51.100.7\r\n\r\nnonsense here\r\nevil.example\r\n');
    expect(read.indicators.map(({ value }) => value)).toEqual(['198.51.100.7', 'evil.example']);
    expect(read.problems).toEqual([{ line: 4, detail: expect.stringMatching(/nonsense here/) }]);
  });

  it('with a header tells type, description and how long each holds', () => {
    const read = readIndicators(
      'Type,Indicator,Description,Valid From,valid_until\nip-dst,198.51.100.7,"C2, since May ""24""",2026-05-01,2026-12-01T00:00:00\nfilename,x.sh,,,\nmood,x,,,\nip,1.1.1.1,,soon,\n',
    );
    expect(read.indicators).toMatchObject([
      {
        type: 'address',
        note: 'C2, since May "24"',
        validFrom: Date.UTC(2026, 4, 1),
        validUntil: Date.UTC(2026, 11, 1),
      },
      { type: 'name', value: 'x.sh', validFrom: 0, validUntil: 0 },
    ]);
    expect(read.problems.map(({ line }) => line)).toEqual([4, 5]);
  });

  it('may have its one column named for what it holds', () => {
    expect(values('domain\nevil.example\n')).toEqual(['domain evil.example']);
    expect(values('ip;note\n198.51.100.7;x\n')).toEqual(['address 198.51.100.7']);
  });
});

describe('a STIX bundle', () => {
  const indicator = (pattern: string, more: object = {}) => ({
    type: 'indicator',
    id: `indicator--${pattern.length}`,
    spec_version: '2.1',
    pattern,
    pattern_type: 'stix',
    valid_from: '2026-01-01T00:00:00Z',
    ...more,
  });
  const bundle = (...objects: object[]) => JSON.stringify({ type: 'bundle', id: 'bundle--1', objects }, null, 1);

  it.each([
    ["[ipv4-addr:value = '198.51.100.7']", ['address 198.51.100.7']],
    ["[ipv4-addr:value ISSUBSET '198.51.100.0/24']", ['address 198.51.100.0/24']],
    [
      "[ipv6-addr:value = '2001:db8::7' OR domain-name:value = 'evil.example']",
      ['address 2001:db8::7', 'domain evil.example'],
    ],
    ["[domain-name:value IN ('a.example', 'b.example')]", ['domain a.example', 'domain b.example']],
    ["[url:value = 'http://evil.example/x\\'y']", ["url evil.example/x'y"]],
    [`[file:hashes.'SHA-256' = '${'ab'.repeat(32)}']`, [`digest sha256:${'ab'.repeat(32)}`]],
    [
      `[file:hashes.MD5 = '${'ab'.repeat(16)}'] OR [file:name = 'x.sh']`,
      [`digest md5:${'ab'.repeat(16)}`, 'name x.sh'],
    ],
  ])('%s', (pattern, wanted) => {
    expect(readIndicators(bundle(indicator(pattern))).problems).toEqual([]);
    expect(values(bundle(indicator(pattern)))).toEqual(wanted);
  });

  it.each([
    "[ipv4-addr:value = '1.2.3.4' AND network-traffic:dst_port = 443]",
    "[ipv4-addr:value != '1.2.3.4']",
    "[ipv4-addr:value = '1.2.3.4'] FOLLOWEDBY [url:value = 'http://a.example/b']",
    "[windows-registry-key:key = 'x']",
    "[ipv4-addr:value = '1.2.3']",
    '[ipv4-addr:value = 1',
  ])('%s is told, with its line, and not guessed at', (pattern) => {
    const read = readIndicators(bundle({ type: 'malware', id: 'malware--1' }, indicator(pattern)));
    expect(read.indicators).toEqual([]);
    expect(read.problems).toMatchObject([{ line: expect.any(Number), detail: expect.stringMatching(/^indicator--/) }]);
    expect(read.problems[0]?.line).toBeGreaterThan(5);
  });

  it('is read at the latest version of each indicator; what was revoked is left out', () => {
    const text = bundle(
      indicator("[domain-name:value = 'new.example']", {
        id: 'indicator--1',
        modified: '2026-02-01T00:00:00Z',
        valid_until: '2026-03-01T00:00:00Z',
        name: 'N',
      }),
      indicator("[domain-name:value = 'old.example']", { id: 'indicator--1', modified: '2026-01-01T00:00:00Z' }),
      indicator("[domain-name:value = 'gone.example']", { id: 'indicator--2', revoked: true }),
    );
    expect(readIndicators(text).indicators).toMatchObject([
      {
        value: 'new.example',
        sourceId: 'indicator--1',
        note: 'N',
        validFrom: Date.UTC(2026, 0, 1),
        validUntil: Date.UTC(2026, 2, 1),
      },
    ]);
  });
});
