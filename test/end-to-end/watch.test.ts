// `correlate --watch` as a process of its own: what arrives is concluded upon, however late and however often, and nothing is found twice.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { start, vestige } from '../support/vestige.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-watch-'));
const store = `embedded:${join(directory, 'store')}`;
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const rules = join(directory, 'rules');
mkdirSync(rules);
writeFileSync(
  join(rules, 'secrets.yml'),
  `title: Secrets listed
id: 00000000-0000-4000-8000-000000000001
name: listed
logsource: { product: kubernetes, service: audit }
detection: { s: { verb: list, objectRef.resource: secrets }, condition: s }
level: low
---
title: Secrets listed again and again
id: 00000000-0000-4000-8000-000000000002
correlation: { type: event_count, rules: [listed], group-by: [user.username], timespan: 10m, condition: { gte: 3 }, generate: true }
level: medium
`,
);
const log = (name: string, ...minutes: number[]) => {
  const lines = minutes.map((minute) => {
    const at = `2026-11-23T13:${String(minute).padStart(2, '0')}:00.000000Z`;
    const auditID = `00000000-0000-4000-8000-${String(minute).padStart(12, '0')}`;
    const about = { resource: 'secrets', namespace: 'shop' };
    const times = { requestReceivedTimestamp: at, stageTimestamp: at };
    const rest = { level: 'Metadata', stage: 'ResponseComplete', verb: 'list', user: { username: 'alice' }, ...times };
    return `${JSON.stringify({ kind: 'Event', apiVersion: 'audit.k8s.io/v1', auditID, objectRef: about, ...rest })}\n`;
  });
  const path = join(directory, name);
  writeFileSync(path, lines.join(''));
  return path;
};
const ingest = async (path: string) =>
  expect(await vestige('--store', store, 'ingest', path)).toMatchObject({ code: 0 });
async function findings(): Promise<string[]> {
  const { out } = await vestige('--store', store, '--json', 'findings');
  const found = JSON.parse(out) as { title: string; time: string }[];
  return found.map(({ title, time }) => `${title} ${time.slice(14, 16)}`).sort();
}

it('finds what arrives, also what arrives late or again, and nothing twice', async () => {
  const watching = ['correlate', '--no-pack', '--rules', rules, '--watch', '--every', '1'];
  const watch = start(['--store', store, '--ndjson', ...watching]);
  const runs = () =>
    watch
      .err()
      .split('\n')
      .filter((line) => line.startsWith('{')).length;
  try {
    await expect.poll(runs, { timeout: 60_000 }).toBe(1);
    await ingest(log('first.log', 5, 9));
    await expect.poll(findings, { timeout: 60_000 }).toEqual(['Secrets listed 05', 'Secrets listed 09']);
    // late: before all others; it makes the three of a correlation, whose first event it is
    await ingest(log('late.log', 1, 5));
    const all = ['Secrets listed 01', 'Secrets listed 05', 'Secrets listed 09', 'Secrets listed again and again 01'];
    await expect.poll(findings, { timeout: 60_000 }).toEqual(all);
    await expect.poll(runs, { timeout: 60_000 }).toBe(3);
    await ingest(log('again.log', 1, 5, 9));
    await expect.poll(findings, { timeout: 60_000 }).toEqual(all);
    // what was there already is nothing new
    await new Promise((done) => setTimeout(done, 2_500));
    expect(runs()).toBe(3);
  } finally {
    watch.process.kill('SIGTERM');
    expect(await watch.ended).toMatchObject({ code: 0 });
  }
});
