import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from '../../store/connect.ts';
import type { Store } from '../../store/store.ts';
import { refreshMinutes } from '../minutes/minutes.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
import boots from './boots.sql';

const directory = mkdtempSync(join(tmpdir(), 'vestige-boots-'));
let store: Store;
let version = 0;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const DAY = '2026-11-26';
/** Events of a node, a minute apart or as told: [minute, serial]. */
const events = (node: string, of: readonly (readonly [minute: number, serial: number])[], more = '') =>
  store.run(`INSERT INTO auditd (cluster, node, time, serial, record_types, pid, ppid, boot_id, digests, version)
    SELECT 'c', '${node}', toDateTime64('${DAY} 10:00:00', 3, 'UTC') + toIntervalMinute(e.1), e.2, ['SYSCALL'], 7, 1, '${more}', [SHA256(toString(e))], 1
    FROM (SELECT arrayJoin([${of.map(([m, s]) => `(toInt64(${m}), toUInt64(${s}))`).join(', ')}]) AS e)`);
const bootsOf = async (node: string) => {
  await refreshMinutes(store, ++version);
  await store.run(`INSERT INTO boots ${boots} ${ENTITY_SETTINGS}`, { version: 1 });
  const rows = await store.rows(
    `SELECT boot, formatDateTime(began_at, '%H:%i:%S') AS at, told_by FROM boots FINAL WHERE node = {node:String} ORDER BY began_at`,
    { node },
  );
  return rows.map((row) => `${String(row['boot']).replace(/^@\d+$/, '@')} ${row['at']} ${row['told_by']}`);
};

it('serials that begin anew tell of a boot', async () => {
  await events(
    'reset',
    [0, 1, 2, 3, 4].map((m) => [m, 50_000 + m * 100] as const),
  );
  await events(
    'reset',
    [10, 11, 12].map((m) => [m, 5 + m * 100] as const),
  );
  expect(await bootsOf('reset')).toEqual(['@ 10:10:00 serials']);
});

it('a call that was blocked for long, and is alone in its minute, does not', async () => {
  const steady = [0, 1, 2, 3, 5, 6, 7, 8].map((m) => [m, 1_000 + m * 100] as const);
  // entered in minute 4, written an hour later
  await events('blocked', [...steady, [4, 90_000]]);
  expect(await bootsOf('blocked')).toEqual([]);
});

it('a record of the start tells, and what a collector says of the same boot names it', async () => {
  await events(
    'told',
    [0, 1, 2].map((m) => [m, 9_000 + m] as const),
  );
  await store.run(`INSERT INTO auditd (cluster, node, time, serial, record_types, pid, ppid, digests, version)
    SELECT 'c', 'told', toDateTime64('${DAY} 10:30:00', 3, 'UTC'), 3, ['SYSTEM_BOOT'], 7, 1, [SHA256('boot')], 1`);
  // up for 90 s at 10:31:20
  await store.run(`INSERT INTO collector_notices (cluster, node, collector, run, n, time, kind, boot_id, uptime_s, digest)
    SELECT 'c', 'told', 'auditd@told', 'r', number, toDateTime64('${DAY} 10:31:20', 9, 'UTC') + toIntervalSecond(10 * number), 'heartbeat', 'second', 90 + 10 * number, SHA256(toString(number))
    FROM numbers(3)`);
  expect(await bootsOf('told')).toEqual(['second 10:29:50 collector']);
});

it('a boot that only the envelopes of an imported log name is that of all of it', async () => {
  await events(
    'imported',
    [
      [0, 7],
      [1, 8],
    ],
    'named',
  );
  expect(await bootsOf('imported')).toEqual(['named 10:00:00 envelope']);
});

it('what auditd numbers by itself tells of none: it rotates its log while the node runs', async () => {
  await events(
    'rotates',
    [0, 1, 2, 3, 4, 6, 7].map((m) => [m, 50_000 + m * 100] as const),
  );
  await store.run(`INSERT INTO auditd (cluster, node, time, serial, record_types, pid, ppid, digests, version)
    SELECT 'c', 'rotates', toDateTime64('${DAY} 10:05:00', 3, 'UTC'), 731, ['DAEMON_ROTATE'], -1, -1, [SHA256('rotate')], 1`);
  expect(await bootsOf('rotates')).toEqual([]);
});
