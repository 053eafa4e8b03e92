// Gaps on the recordings: none where nothing is missing, and what is taken out of a log found again, counted in the log's own lines.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decompress } from 'fzstd';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildEntities } from '../../analytics/entities/entities.ts';
import { type Gap, listGaps } from '../../analytics/queries/gaps.ts';
import { connect } from '../../analytics/store/connect.ts';
import type { Store } from '../../analytics/store/store.ts';
import { importPaths } from '../../ingest/import.ts';
import { linesOf } from '../support/recording.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-recorded-gaps-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${directory}/store`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const bring = (path: string, place: { cluster?: string; node?: string } = {}) =>
  importPaths([path], place, {
    store,
    now: () => new Date(),
    stop: new AbortController().signal,
    onProgress: () => {},
  });
let version = 0;
async function gaps(): Promise<Gap[]> {
  await buildEntities(store, ++version);
  const all: Gap[] = [];
  for await (const gap of listGaps(store, { limit: 1_000 })) all.push(gap);
  return all;
}

const headOf = (line: string) => /audit\((\d+)\.(\d+):(\d+)\)/.exec(line);
const serialOf = (line: string) => Number(headOf(line)?.[3]);
const msOf = (line: string) => Number(headOf(line)?.[1]) * 1000 + Number(headOf(line)?.[2]);
const write = (name: string, file: string, lines: readonly string[]) => {
  mkdirSync(join(directory, name), { recursive: true });
  writeFileSync(join(directory, name, file), Buffer.from(lines.join(''), 'latin1'));
  return join(directory, name, file);
};

test('three whole recordings have no gap, nor has a log of which only a part was imported', async () => {
  for (const name of ['web-to-cluster', 'quiet-day', 'poisoned-image']) await bring(`test/fixtures/recordings/${name}`);
  const lines = linesOf('audit.log');
  await bring(write('middle', 'audit.log', lines.slice(30_000, 60_000)), { cluster: 'c', node: 'middle' });
  // cut by time, as ausearch does it: calls that blocked at the end have serials from behind it
  const until = msOf(lines[50_000] ?? '');
  await bring(
    write(
      'until',
      'audit.log',
      lines.filter((l) => msOf(l) <= until),
    ),
    { cluster: 'c', node: 'until' },
  );
  expect(await gaps()).toEqual([]);
}, 120_000);

test('events taken out of auditd log are missing: as many, and when they happened', async () => {
  const kernel = linesOf('audit.log').filter((l) => !l.startsWith('type=DAEMON_'));
  const first = Math.min(...kernel.map(serialOf));
  // three storms and a lone event, each more than a minute from the others
  const taken = new Set<number>();
  const storm = (from: number, to: number, every: number) => {
    for (let serial = first + from; serial <= first + to; serial += every) taken.add(serial);
  };
  storm(3_000, 3_400, 1);
  storm(9_000, 9_500, 5);
  storm(16_000, 16_000, 1);
  const kept = kernel.filter((l) => !taken.has(serialOf(l)));
  await bring(write('torn', 'audit.log', kept), { cluster: 'c', node: 'torn' });
  const found = (await gaps()).filter((g) => g.node === 'torn').sort((a, b) => (a.first_seen < b.first_seen ? -1 : 1));
  const lost = [...new Set(kernel.map(serialOf))].filter((serial) => taken.has(serial));
  expect(found.map((g) => g.kind)).toEqual(['serials-missing', 'serials-missing', 'serials-missing']);
  expect(found.map((g) => g.missing)).toEqual([401, 101, 1]);
  expect(lost).toHaveLength(503);
  const times = new Map(kernel.map((l) => [serialOf(l), msOf(l)]));
  // of calls that blocked the time is that of their entry, before the gap
  const inside = lost.filter((s) =>
    found.some(
      (g) => Date.parse(g.first_seen) <= (times.get(s) ?? 0) && (times.get(s) ?? 0) <= Date.parse(g.last_seen),
    ),
  );
  expect(inside.length).toBeGreaterThan(485);
  for (const gap of found) expect(Date.parse(gap.last_seen) - Date.parse(gap.first_seen)).toBeLessThan(20_000);
}, 120_000);

test('an exit taken out of the log of a runtime is missing', async () => {
  const events = linesOf('containerd-events.log');
  const deleted = events.filter((l) => l.includes(' /containers/delete '));
  const victim = /"id":"([0-9a-f]{64})"/.exec(deleted[20] ?? '')?.[1] ?? '';
  const documents = Buffer.from(
    decompress(readFileSync('test/fixtures/recordings/web-to-cluster/containers.jsonl.zst')),
  );
  const isExitOfVictim = (l: string) => l.includes(' /tasks/exit ') && l.includes(`"container_id":"${victim}"`);
  expect(events.some(isExitOfVictim)).toBe(true);
  write('runtime', 'containers.jsonl', [documents.toString('latin1')]);
  write(
    'runtime',
    'containerd-events.log',
    events.filter((l) => !isExitOfVictim(l)),
  );
  await bring(join(directory, 'runtime'), { cluster: 'r', node: 'n' });
  const found = (await gaps()).filter((g) => g.cluster === 'r');
  expect(found.map((g) => [g.kind, g.missing, g.detail])).toEqual([
    ['events-missing', 1, `no exit of container ${victim}`],
  ]);
}, 120_000);
