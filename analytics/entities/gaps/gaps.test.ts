// Stages that never came, events of containers that are not there, offsets that were never delivered; each with its near miss.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listGaps } from '../../queries/gaps.ts';
import { connect } from '../../store/connect.ts';
import { putAnew } from '../../store/derived.ts';
import type { Store } from '../../store/store.ts';
import { type FoundGap, mergeNeighbours } from './gap.ts';
import { buildGaps } from './gaps.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-gaps-all-'));
let store: Store;
const START = Date.parse('2026-05-01T10:00:00Z');
const at = (s: number) => `fromUnixTimestamp64Milli(toInt64(${START + s * 1000}), 'UTC')`;
let n = 0;
const insert = (table: string, row: Record<string, string | number>) =>
  store.run(
    `INSERT INTO ${table} (${Object.keys(row).join(', ')}, digest) SELECT ${Object.values(row).join(', ')}, SHA256('${n++}')`,
  );
const stage = (cluster: string, id: string, name: string, s: number, verb = 'watch', uri = '/api/v1/pods?watch=1') =>
  insert('k8s_audit', {
    ...{ cluster: `'${cluster}'`, time: at(s), stage_time: at(s), audit_id: `'${id}'`, stage: `'${name}'` },
    ...{ verb: `'${verb}'`, request_uri: `'${uri}'`, resource: `'pods'`, username: `'kubelet'` },
  });
const event = (node: string, id: string, topic: string, s: number, more: Record<string, string | number> = {}) =>
  insert('runtime', {
    ...{ cluster: `'c'`, node: `'${node}'`, time: at(s), topic: `'${topic}'`, container_id: `'${id}'` },
    ...{ runtime_namespace: `'k8s.io'`, ...more },
  });
const whole = async (node: string, id: string, s: number, topics: readonly string[]) => {
  for (const [i, topic] of topics.entries()) await event(node, id, topic, s + i);
};
const LIFE = ['/containers/create', '/tasks/start', '/tasks/exit', '/containers/delete'];

beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

let version = 1;
async function gapsOf(kind: string) {
  version++;
  await buildGaps(store, putAnew(store, version), version);
  const gaps = [];
  for await (const g of listGaps(store, { limit: 100 })) if (g.kind === kind) gaps.push(g);
  return gaps.sort((a, b) => (a.first_seen < b.first_seen ? -1 : 1));
}
const seconds = (time: string) => (Date.parse(time) - START) / 1000;

describe('stages', () => {
  it('are missing when others of their kind ended and this one is long overdue, and not before', async () => {
    for (const id of ['a', 'b', 'c', 'd']) {
      await stage('lost', id, 'ResponseStarted', 0);
      await stage('lost', id, 'ResponseComplete', 300);
      await stage('open', id, 'ResponseStarted', 0);
      await stage('open', id, 'ResponseComplete', 300);
    }
    await stage('lost', 'never', 'ResponseStarted', 10);
    await stage('lost', 'later', 'ResponseComplete', 4_000);
    await stage('open', 'never', 'ResponseStarted', 10);
    await stage('open', 'later', 'ResponseComplete', 3_000);
    const [gap, ...more] = await gapsOf('stages-missing');
    expect(more).toEqual([]);
    expect(gap).toMatchObject({ source: 'k8s-audit', cluster: 'lost', missing: 1 });
    expect(gap?.detail).toBe('watch pods by kubelet: ResponseStarted and no end');
    expect(seconds(gap?.first_seen ?? '')).toBe(10);
  });

  it('that the policy leaves out are not missing, nor the end of what may last for ever', async () => {
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f'])
      await stage('omits', id, 'RequestReceived', 0, 'get', '/api/v1/pods/x');
    for (const id of ['1', '2', '3', '4']) {
      await stage('omits', id, 'ResponseStarted', 0, 'connect', '/api/v1/pods/x/exec');
      await stage('omits', id, 'ResponseComplete', 3, 'connect', '/api/v1/pods/x/exec');
    }
    await stage('omits', '5', 'ResponseStarted', 0, 'connect', '/api/v1/pods/x/exec');
    await stage('omits', 'later', 'ResponseComplete', 40_000, 'list', '/api/v1/pods');
    expect((await gapsOf('stages-missing')).filter((g) => g.cluster === 'omits')).toEqual([]);
  });

  it('of many requests at once are one gap that counts them; the timeout a request asked for holds', async () => {
    for (let i = 0; i < 40; i++) {
      await stage('many', `r${i}`, 'RequestReceived', i, 'list', '/api/v1/pods?timeoutSeconds=20');
      if (i % 5 !== 0) await stage('many', `r${i}`, 'Panic', i + 1, 'list', '/api/v1/pods?timeoutSeconds=20');
    }
    await stage('many', 'later', 'ResponseComplete', 500, 'get', '/api/v1/pods/x');
    const gaps = (await gapsOf('stages-missing')).filter((g) => g.cluster === 'many');
    expect(gaps.map((g) => [seconds(g.first_seen), seconds(g.last_seen), g.missing, g.digests.length])).toEqual([
      [0, 395, 8, 8],
    ]);
  });
});

describe('events of containers', () => {
  it('are missing where the container came and went while its node was watched', async () => {
    await whole('w', 'before', 0, LIFE);
    await whole('w', 'no-exit', 100, ['/containers/create', '/tasks/start']);
    await event('w', 'no-exit', '/containers/delete', 190);
    await event('w', 'unborn', 'container', 500, { created_at: at(490), started_at: at(491) });
    await event('w', 'unborn', '/tasks/exit', 520, { exit_status: 1 });
    const gaps = await gapsOf('events-missing');
    expect(gaps.map((g) => [seconds(g.first_seen), seconds(g.last_seen), g.missing, g.detail, g.node])).toEqual([
      [101, 190, 1, 'no exit of container no-exit', 'w'],
      [490, 500, 2, 'no create, start of container unborn', 'w'],
    ]);
    expect(gaps[0]?.digests).toHaveLength(2);
  });

  it('are not missing of containers older than the stream, of living ones, of execs, nor where a runtime never tells them', async () => {
    await event('x', 'old', '/tasks/exit', 3);
    await event('x', 'old', '/containers/delete', 4);
    await event('x', 'listed', 'container', 5, { created_at: at(-5_000), started_at: at(-5_000) });
    await whole('x', 'whole', 6, LIFE);
    await whole('x', 'living', 60, ['/containers/create', '/tasks/start']);
    await event('x', 'living', '/tasks/exit', 70, { exec_id: `'e1'` });
    await whole('x', 'never-started', 80, ['/containers/create', '/containers/delete']);
    // read after the stream had ended
    await event('x', 'behind', 'container', 9_000, {
      created_at: at(8_990),
      started_at: at(8_991),
      finished_at: at(8_995),
    });
    // statuses only
    await event('y', 'polled', 'container', 100, { created_at: at(90), started_at: at(91), finished_at: at(95) });
    await event('y', 'other', '/containers/update', 0);
    expect((await gapsOf('events-missing')).filter((g) => g.node !== 'w')).toEqual([]);
  });

  it('an exit is missing when the pod is gone since ten minutes, and not while it may be late', async () => {
    const gone = (pod: string, s: number) =>
      store.run(
        `INSERT INTO pods (cluster, pod_uid, created_at, ended_at, version) SELECT 'c', '${pod}', ${at(0)}, ${at(s)}, 1`,
      );
    await gone('u1', 300);
    await gone('u2', 900);
    for (const [id, uid] of [
      ['left', 'u1'],
      ['late', 'u2'],
    ] as const)
      for (const [i, topic] of LIFE.slice(0, 2).entries()) await event('z', id, topic, 20 + i, { pod_uid: `'${uid}'` });
    await whole('z', 'other', 950, LIFE);
    const gaps = (await gapsOf('events-missing')).filter((g) => g.node === 'z');
    expect(gaps.map((g) => [g.detail, seconds(g.last_seen)])).toEqual([['no exit of container left', 300]]);
  });
});

describe('offsets', () => {
  it('that lie between delivered ones are missing; single ones, and lines of files, prove nothing', async () => {
    const receipt = (loader: string, seq: number, position = seq) =>
      insert('receipts', {
        ...{ source: `'auditd'`, cluster: `'c'`, node: `'w'`, received_at: `toDateTime64(${at(seq)}, 6)` },
        ...{ stream: `'s'`, position, loader: `'${loader}'`, seq },
      });
    for (const seq of [10, 11, 13, 14, 20, 21]) await receipt('kafka:k/audit/0', seq);
    for (const seq of [1, 2, 3]) await receipt('kafka:k/audit/1', seq);
    for (const seq of [1, 900]) await receipt('import-1', seq, seq * 500);
    const gaps = await gapsOf('offsets-missing');
    expect(
      gaps.map((g) => [seconds(g.first_seen), seconds(g.last_seen), g.missing, g.stream, g.digests.length]),
    ).toEqual([[14, 20, 5, 'kafka:k/audit/0', 2]]);
  });
});

describe('neighbours', () => {
  const gap = (s: number, missing = 1): FoundGap => ({
    ...{ cluster: 'c', source: 'auditd', node: 'w', kind: 'k', detail: 'one', digests: [`${s}`] },
    ...{ first_seen: s * 1000, last_seen: s * 1000 + 100, missing },
  });
  const merge = (gaps: FoundGap[]) => mergeNeighbours(gaps, (missing, places) => `${missing} in ${places}`);

  it('are one gap, whatever order they came in; unknown amounts stay unknown', () => {
    const merged = merge([gap(200), gap(50, 3), gap(0), gap(320, -1), gap(330)]);
    expect(merged).toEqual(merge([gap(330), gap(0), gap(320, -1), gap(200), gap(50, 3)]));
    expect(merged.map((g) => [g.first_seen, g.last_seen, g.missing, g.detail])).toEqual([
      [0, 50_100, 4, '4 in 2'],
      [200_000, 200_100, 1, 'one'],
      [320_000, 330_100, -1, '-1 in 2'],
    ]);
  });

  it('are united the nearest first when there are more than a thousand', () => {
    const merged = merge([...Array(1_200).keys()].map((i) => gap(i * 1_000)));
    expect(merged).toHaveLength(1_000);
    expect(merged.reduce((sum, g) => sum + g.missing, 0)).toBe(1_200);
  });
});
