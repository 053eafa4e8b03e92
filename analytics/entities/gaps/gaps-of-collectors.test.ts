import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listGaps } from '../../queries/gaps.ts';
import { connect } from '../../store/connect.ts';
import type { Store } from '../../store/store.ts';
import { buildEntities } from '../entities.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-gaps-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

let serial = 0;
const secondsOf = (at: string) => Date.parse(`1970-01-01T${at}Z`) / 1000;
/** @param truth what the time was, where the clock said another */
const notice = (collector: string, run: string, n: number, at: string, kind: string, more = '', truth = at) =>
  store.run(`INSERT INTO collector_notices (cluster, node, collector, run, n, time, kind, about, stream, reads_again, boot_id, uptime_s, digest${more && ', gap_reason, gap_from, gap_to, missing, detail'})
    SELECT 'c', 'w1', '${collector}', '${run}', ${n}, toDateTime64('2026-11-26 ${at}', 9, 'UTC'), '${kind}', 'auditd', '/log', ${collector !== 'live'},
      'boot-${collector}', ${secondsOf(truth)}, SHA256('${serial++}')${more}`);
const gapsOf = async (collector: string) => {
  const all = [];
  for await (const gap of listGaps(store, { limit: 100 })) if (gap.collector === collector) all.push(gap);
  return all
    .map((g) => [g.first_seen.slice(11, 19), g.last_seen.slice(11, 19), g.kind, g.missing, g.digests.length])
    .sort();
};

describe('gaps of collectors', () => {
  it('tell what was told, silence, restarts and ends, and nothing where all was well', async () => {
    const beats = async (collector: string, run: string, from: number, to: number, n: number) => {
      for (let s = from; s <= to; s += 10)
        await notice(collector, run, n++, `10:00:${String(s).padStart(2, '0')}`, 'heartbeat');
    };
    await notice('well', 'a', 0, '10:00:00', 'started');
    await beats('well', 'a', 10, 50, 1);
    await notice('well', 'a', 6, '10:00:55', 'stopped');

    await notice('told', 'b', 0, '10:00:00', 'started');
    await notice(
      'told',
      'b',
      1,
      '10:00:05',
      'gap',
      `, 'spool-full', toDateTime64('2026-11-26 10:00:01', 3, 'UTC'), toDateTime64('2026-11-26 10:00:04', 3, 'UTC'), 512, 'd'`,
    );
    await notice('told', 'b', 2, '10:00:30', 'stopped');

    // killed, and back; its clock was set back meanwhile, its runs are told apart all the same
    await notice('killed', 'y', 0, '10:00:00', 'started');
    await notice('killed', 'y', 1, '10:00:10', 'heartbeat');
    await notice('killed', 'x', 0, '10:00:12', 'started');
    await notice('killed', 'x', 1, '10:00:20', 'stopped');

    await notice('live', 'c', 0, '10:00:00', 'started');
    await notice('live', 'c', 1, '10:00:10', 'stopped');
    await notice('live', 'd', 0, '10:00:15', 'started');
    await notice('live', 'd', 1, '10:00:55', 'heartbeat');
    await notice('live', 'd', 2, '10:01:00', 'stopped');

    await notice('dead', 'e', 0, '10:00:00', 'started');
    await notice('dead', 'e', 1, '10:00:10', 'heartbeat');

    await buildEntities(store, Date.now());
    expect(await gapsOf('well')).toEqual([]);
    expect(await gapsOf('told')).toEqual([['10:00:01', '10:00:04', 'spool-full', 512, 1]]);
    expect(await gapsOf('killed')).toEqual([['10:00:10', '10:00:12', 'collector-restarted', 0, 2]]);
    expect(await gapsOf('live')).toEqual([
      ['10:00:10', '10:00:15', 'collector-stopped', null, 2],
      ['10:00:15', '10:00:55', 'collector-silent', null, 2],
    ]);
    expect(await gapsOf('dead')).toEqual([['10:00:10', '10:01:00', 'collector-silent', 0, 1]]);
  });

  it('go when what they rested on is known better', async () => {
    await notice('dead', 'e', 2, '10:00:55', 'heartbeat');
    await notice('dead', 'e', 3, '10:01:00', 'stopped');
    await buildEntities(store, Date.now() + 1);
    expect(await gapsOf('dead')).toEqual([['10:00:10', '10:00:55', 'collector-silent', 0, 2]]);
  });

  it('are not made by a clock that is set, forward or back', async () => {
    const told = `, 'clock-stepped', toDateTime64('2026-11-26 10:00:10', 3, 'UTC'), toDateTime64('2026-11-26 13:00:20', 3, 'UTC'), 0, 'd'`;
    await notice('set', 'f', 0, '10:00:00', 'started');
    await notice('set', 'f', 1, '10:00:10', 'heartbeat');
    await notice('set', 'f', 2, '13:00:20', 'gap', told, '10:00:20');
    await notice('set', 'f', 3, '13:00:20', 'heartbeat', '', '10:00:20');
    // and back, beyond where it was
    await notice('set', 'f', 4, '06:00:30', 'heartbeat', '', '10:00:30');
    // killed, and a while later there again
    await notice('set', 'g', 0, '06:00:50', 'started', '', '10:00:50');
    await notice('set', 'g', 1, '06:01:00', 'heartbeat', '', '10:01:00');
    // of a third run nothing was heard for a minute
    await notice('set', 'h', 0, '14:01:10', 'started', '', '10:01:10');
    await notice('set', 'h', 1, '06:02:10', 'heartbeat', '', '10:02:10');
    // it still runs, and so does a neighbour whose clock is right
    await notice('neighbour', 'i', 0, '10:02:00', 'started');
    await notice('neighbour', 'i', 1, '10:02:10', 'heartbeat');
    await buildEntities(store, Date.now() + 2);
    expect(await gapsOf('set')).toEqual([
      ['06:00:30', '06:00:50', 'collector-restarted', 0, 2],
      ['06:01:00', '14:01:10', 'collector-restarted', 0, 2],
      ['06:02:10', '14:01:10', 'collector-silent', 0, 2],
      ['10:00:10', '13:00:20', 'clock-stepped', 0, 1],
    ]);
    expect(await gapsOf('neighbour')).toEqual([]);
  });

  it('are not made by heartbeats that a full spool dropped: they were counted', async () => {
    await notice('full', 'j', 0, '10:00:00', 'started');
    await notice('full', 'j', 7, '10:01:10', 'heartbeat');
    await notice('full', 'j', 9, '10:02:20', 'heartbeat');
    await notice('full', 'j', 10, '10:02:25', 'stopped');
    await buildEntities(store, Date.now() + 3);
    expect(await gapsOf('full')).toEqual([['10:01:10', '10:02:20', 'collector-silent', 0, 2]]);
  });

  it('are not between runs beside one another', async () => {
    await notice('twice', 'k', 0, '10:00:00', 'started');
    await notice('twice', 'l', 0, '10:00:01', 'started');
    await notice('twice', 'l', 1, '10:00:08', 'stopped');
    await notice('twice', 'k', 1, '10:00:09', 'stopped');
    await notice('twice', 'm', 0, '10:00:20', 'started');
    await notice('twice', 'm', 1, '10:00:25', 'stopped');
    await buildEntities(store, Date.now() + 4);
    expect(await gapsOf('twice')).toEqual([['10:00:09', '10:00:20', 'collector-stopped', 0, 2]]);
  });
});
