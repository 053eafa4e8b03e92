// correlate --since: rules over what came from a time on, beside what was concluded before.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './test-support/run-command.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-since-'));
const store = `embedded:${join(directory, 'store')}`;
const rules = join(directory, 'rules');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const request = (minute: number, verb: string) =>
  JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: `00000000-0000-4000-8000-${String(minute).padStart(12, '0')}`,
    stage: 'ResponseComplete',
    requestURI: '/api/v1/namespaces/shop/secrets',
    verb,
    user: { username: 'alice' },
    sourceIPs: ['198.51.100.7'],
    objectRef: { resource: 'secrets', namespace: 'shop' },
    responseStatus: { code: 200 },
    requestReceivedTimestamp: `2026-11-23T13:${String(minute).padStart(2, '0')}:00.000000Z`,
    stageTimestamp: `2026-11-23T13:${String(minute).padStart(2, '0')}:00.100000Z`,
  });
const rule = (n: number, title: string, rest: string) =>
  writeFileSync(
    join(rules, `${title}.yml`),
    `title: ${title}\nid: 00000000-0000-4000-8000-00000000000${n}\nlevel: low\n${rest}`,
  );
const onVerb = (verb: string) =>
  `logsource: { product: kubernetes, service: audit }\ndetection: { s: { verb: ${verb} }, condition: s }\n`;

async function findings(): Promise<string[]> {
  const { out } = await run(store, ['--json', 'findings']);
  const found = JSON.parse(out) as { title: string; time: string }[];
  return found.map(({ title, time }) => `${title} ${time.slice(14, 16)}`).sort();
}
const correlate = (...options: string[]) => run(store, ['correlate', '--no-pack', '--rules', rules, ...options]);

beforeAll(async () => {
  mkdirSync(rules);
  const log = join(directory, 'k8s-audit.log');
  const lines = [request(1, 'list'), request(3, 'list'), request(5, 'list'), request(6, 'get'), request(20, 'get')];
  writeFileSync(log, lines.map((line) => `${line}\n`).join(''));
  expect(await run(store, ['ingest', log])).toMatchObject({ code: 0 });
});

describe('correlate --since', () => {
  it('tests rules on events from then on, and leaves what was found before', async () => {
    rule(1, 'got', onVerb('get'));
    expect(await correlate()).toMatchObject({ code: 0 });
    expect(await findings()).toEqual(['got 06', 'got 20']);
    // a rule that came and one that says less: both of later events only
    rule(1, 'got', onVerb('delete'));
    rule(2, 'listed', onVerb('list'));
    expect(await correlate('--since', '2026-11-23T13:04:00Z')).toMatchObject({ code: 0 });
    expect(await findings()).toEqual(['listed 05']);
    expect(await correlate('--since', '2026-11-23T13:00:00Z')).toMatchObject({ code: 0 });
    expect(await findings()).toEqual(['listed 01', 'listed 03', 'listed 05']);
    rule(2, 'listed', onVerb('delete'));
    expect(await correlate('--since', '2026-11-23T13:04:00Z')).toMatchObject({ code: 0 });
    expect(await findings()).toEqual(['listed 01', 'listed 03']);
  });

  it('looks at what correlations rest on whole, so that a run that began before is the same run', async () => {
    rule(1, 'got', onVerb('delete'));
    rule(2, 'listed', onVerb('list'));
    const thrice =
      'correlation: { type: event_count, rules: [00000000-0000-4000-8000-000000000002], group-by: [user.username], timespan: 10m, condition: { gte: 3 } }\n';
    rule(3, 'thrice', thrice);
    expect(await correlate('--since', '2026-11-23T13:04:00Z')).toMatchObject({ code: 0 });
    const since = await findings();
    expect(since).toEqual(['thrice 01']);
    expect(await correlate()).toMatchObject({ code: 0 });
    expect(await findings()).toEqual(since);
  });

  it('refuses what is no time', async () => {
    expect(await correlate('--since', 'yesterday')).toMatchObject({ code: 2 });
  });
});
