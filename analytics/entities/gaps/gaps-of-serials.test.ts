import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listGaps } from '../../queries/gaps.ts';
import { connect } from '../../store/connect.ts';
import { putAnew } from '../../store/derived.ts';
import type { Store } from '../../store/store.ts';
import { buildGaps } from './gaps.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-serials-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const START = Date.parse('2026-05-01T10:00:00Z') / 1000;
/** [seconds after the start, serial, system call]; one event each, execve unless told. */
type Event = readonly [number, number, string?];
const range = (from: number, to: number, at: (serial: number) => number, skip: readonly number[] = []): Event[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)
    .filter((serial) => !skip.includes(serial))
    .map((serial) => [at(serial), serial] as const);

async function record(node: string, events: readonly Event[], more = { types: "['SYSCALL']", boot: '' }) {
  await store.run(
    `INSERT INTO auditd (cluster, node, time, serial, boot_id, record_types, syscall, syscall_name, digests, version)
     SELECT 'c', {node:String}, fromUnixTimestamp64Milli(e.1, 'UTC'), e.2, {boot:String}, ${more.types}, 59, e.3, [SHA256(concat({node:String}, toString(e.1), ' ', toString(e.2)))], 1
     FROM (SELECT arrayJoin(arrayZip({times:Array(Int64)}, {serials:Array(UInt64)}, {calls:Array(String)})) AS e)`,
    {
      node,
      boot: more.boot,
      times: events.map(([s]) => Math.round((START + s) * 1000)),
      serials: events.map(([, serial]) => serial),
      calls: events.map(([, , call = 'execve']) => call),
    },
  );
}

let version = 1;
async function gapsOf(node: string) {
  version++;
  await buildGaps(store, putAnew(store, version), version);
  const gaps = [];
  for await (const g of listGaps(store, { node, limit: 5_000 })) {
    const s = (time: string) => (Date.parse(time) / 1000 - START).toFixed(3).replace(/\.?0+$/, '');
    if (g.kind === 'serials-missing') gaps.push([Number(s(g.first_seen)), Number(s(g.last_seen)), g.missing, g.detail]);
  }
  return gaps.sort((a, b) => Number(a[0]) - Number(b[0]));
}

describe('missing serials', () => {
  it('are found between the events beside them, and counted', async () => {
    await record('plain', [...range(1000, 1099, (n) => (n - 1000) / 10), ...range(1150, 1199, (n) => (n - 1000) / 10)]);
    expect(await gapsOf('plain')).toEqual([[9.9, 15, 50, '50 serials']]);
  });

  it('are none where a call blocked: its time is old, its serial late', async () => {
    await record('blocked', [
      ...range(1, 500, (n) => 100 + n, [300, 301, 450]),
      [3, 300, 'accept4'],
      [90, 301, 'read'],
      [310, 450, 'accept'],
    ]);
    expect(await gapsOf('blocked')).toEqual([]);
  });

  it('are none where a log ends: calls that began before its end may have serials from behind it', async () => {
    await record('end', [...range(1, 100, (n) => n), [99.5, 104, 'accept'], [20, 130, 'accept4']]);
    expect(await gapsOf('end')).toEqual([]);
  });

  it('are none before a log begins, nor between two boots, whether or not the serials overlap', async () => {
    await record('boots', [
      ...range(5000, 5200, (n) => (n - 5000) / 10),
      ...range(12, 300, (n) => 60 + n / 10),
      ...range(40, 6000, (n) => 200 + n / 10),
    ]);
    expect(await gapsOf('boots')).toEqual([]);
  });

  it('of one boot are not hidden by serials of another', async () => {
    await record('hidden', [
      ...range(1, 900, (n) => n / 10),
      ...range(1, 900, (n) => 7200 + n / 10, [400, 401, 402]),
      // a third one in the same hour
      ...range(1, 900, (n) => 8000 + n / 10, [200]),
    ]);
    expect(await gapsOf('hidden')).toEqual([
      [7239.9, 7240.3, 3, '3 serials'],
      [8019.9, 8020.1, 1, '1 serial'],
    ]);
  });

  it('are not looked for across boots that collectors told apart, though the count went on', async () => {
    await record(
      'told',
      range(1, 50, (n) => n),
      { types: "['SYSCALL']", boot: 'a' },
    );
    await record(
      'told',
      range(90, 120, (n) => n),
      { types: "['SYSCALL']", boot: 'b' },
    );
    expect(await gapsOf('told')).toEqual([]);
  });

  it('are none between parts of one log that were imported in any order, nor across an hour', async () => {
    await record(
      'parts',
      range(40_000, 47_200, (n) => n - 40_000),
    );
    await record(
      'parts',
      range(30_000, 39_999, (n) => n - 40_000),
    );
    expect(await gapsOf('parts')).toEqual([]);
  });

  it('go when the part that lacked is there', async () => {
    await record(
      'late',
      range(1, 100, (n) => n),
    );
    await record(
      'late',
      range(201, 300, (n) => n),
    );
    expect(await gapsOf('late')).toEqual([[100, 201, 100, '100 serials']]);
    await record(
      'late',
      range(101, 200, (n) => n),
    );
    expect(await gapsOf('late')).toEqual([]);
  });

  it('do not count what auditd numbers itself', async () => {
    await record(
      'daemon',
      range(1000, 1100, (n) => n - 1000),
    );
    await record('daemon', [[50, 7, ''] as const], { types: "['DAEMON_ROTATE']", boot: '' });
    await record('daemon', [[60, 9_999_999, ''] as const], { types: "['DAEMON_CONFIG']", boot: '' });
    expect(await gapsOf('daemon')).toEqual([]);
  });

  it('less than a minute apart are one gap, and a filtered log is one that says so', async () => {
    await record(
      'near',
      range(1, 400, (n) => n, [50, 51, 100, 300]),
    );
    expect(await gapsOf('near')).toEqual([
      [49, 101, 3, '3 of 51 serials, in 2 places'],
      [299, 301, 1, '1 serial'],
    ]);
    await record(
      'filtered',
      [...Array(1000).keys()].map((n) => [n, 3 * n + 1] as const),
    );
    expect(await gapsOf('filtered')).toEqual([
      [
        0,
        999,
        1998,
        '1998 of 2996 serials, in 999 places; so many everywhere that the records may have been filtered on their way',
      ],
    ]);
  });

  it('of an hour with thousands of holes are counted all the same', async () => {
    await record('sieve', [
      ...range(1, 400, (n) => n),
      ...[...Array(3000).keys()].map((n) => [500 + n, 2 * n + 501] as const),
    ]);
    const gaps = await gapsOf('sieve');
    // 401 to 500, and every second one from 502 to 6498
    expect(gaps.map((g) => [g[0], g[1], g[2]])).toEqual([[400, 3499, 100 + 2999]]);
    expect(gaps[0]?.[3]).toMatch(/3099 of 6098 serials, in 3000 places; so many everywhere/);
  });

  it('are at most a thousand gaps of a node: the nearest become one', async () => {
    await record(
      'many',
      [...Array(1_500).keys()].map((n) => [n < 1000 ? n * 100 : 1e5 + (n - 1000) * 70, 2 * n + 1]),
    );
    const gaps = await gapsOf('many');
    expect(gaps.length).toBeLessThanOrEqual(1_000);
    expect(gaps.reduce((sum, g) => sum + Number(g[2]), 0)).toBe(1_499);
  });

  it('are not looked for in a month whose bulk expired: only what chains need is left of it', async () => {
    const march = -61 * 86_400;
    await record('expired', [...range(1, 50, (n) => march + n), ...range(90, 120, (n) => march + n)]);
    expect(await gapsOf('expired')).toHaveLength(1);
    await store.run("INSERT INTO retention_drops (drop_id, partition, finished, version) SELECT 'x', '202603', 1, 1");
    expect(await gapsOf('expired')).toEqual([]);
  });
});
