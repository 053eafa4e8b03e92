// `vestige reindex` as users run it: typed rows changed, lost, planted and of other decoders come out as after a fresh import.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../analytics/store/connect.ts';
import type { Row } from '../../analytics/store/store.ts';
import { contentOf } from '../support/content.ts';
import { linesOf, RECORDING } from '../support/recording.ts';
import { start, vestige } from '../support/vestige.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-reindex-'));
const imported = join(directory, 'imported');
const store = join(directory, 'store');
let fresh: Awaited<ReturnType<typeof contentOf>>;

beforeAll(async () => {
  const junk = join(directory, 'junk.log');
  // dead letters, and one event that two records give: with a carriage return it is other bytes
  const event = linesOf('k8s-audit.log', 1)[0] ?? '';
  writeFileSync(junk, `${event}${event.replace('\n', '\r\n')}what is this\n{"auditID":\n`);
  expect(await vestige('--store', `embedded:${imported}`, 'ingest', RECORDING, junk)).toMatchObject({ code: 0 });
  fresh = await contentOf(imported);
  expect(fresh['dead_letters']?.rows).toBe(2);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeEach(() => {
  rmSync(store, { recursive: true, force: true });
  cpSync(imported, store, { recursive: true });
});

async function change(...statements: string[]): Promise<void> {
  const open = await connect(`embedded:${store}`, 'test');
  for (const statement of statements) await open.run(statement);
  await open.close();
}
async function rows(sql: string): Promise<Row[]> {
  const open = await connect(`embedded:${store}`, 'test');
  const found = await open.rows(sql);
  await open.close();
  return found;
}
async function reindex(...options: string[]) {
  const { code, out, err } = await vestige('--store', `embedded:${store}`, '--json', 'reindex', ...options);
  expect(code, err).toBe(0);
  return JSON.parse(out) as { removed: number; rows: Record<string, number>; dead_letters: number };
}
const damaged = (table: string, what: string) => `ALTER TABLE ${table} ${what} SETTINGS mutations_sync = 2`;
const DECODER = 'bitShiftLeft(toUInt64(1), 32)';

const damage = [
  damaged('auditd', "UPDATE comm = 'innocent', argv = [] WHERE serial % 3 = 0"),
  damaged('k8s_audit', "DELETE WHERE verb = 'create'"),
  damaged('runtime', "UPDATE pod_uid = '' WHERE 1"),
  // rows of a decoder that read the serial otherwise, of a newer one, and of no record
  'INSERT INTO auditd SELECT * REPLACE (serial + 1000000000 AS serial) FROM auditd WHERE serial % 7 = 0',
  `INSERT INTO k8s_audit SELECT * REPLACE ('other' AS username, version + ${DECODER} AS version) FROM k8s_audit WHERE verb = 'list'`,
  "INSERT INTO runtime SELECT * REPLACE (SHA256('none') AS digest, 'planted' AS container_id) FROM runtime LIMIT 1",
  // a dead letter of a record that can be decoded, one that is missing
  `INSERT INTO dead_letters (source, cluster, node, digest, reason)
   SELECT source, cluster, node, digest, 'unknown-format' FROM records WHERE source = 'auditd' LIMIT 5`,
  damaged('dead_letters', "DELETE WHERE reason = 'invalid-json'"),
];

describe('reindex', () => {
  it('of an untouched store changes nothing', async () => {
    expect(await reindex()).toMatchObject({ removed: 0, dead_letters: 2, rows: { auditd: 20532, runtime: 1535 } });
    expect(await contentOf(store)).toEqual(fresh);
  });

  it('of a damaged one gives what a fresh import gives', async () => {
    await change(...damage);
    expect(await contentOf(store)).not.toEqual(fresh);
    expect((await reindex()).removed).toBeGreaterThan(100);
    expect(await contentOf(store)).toEqual(fresh);
    expect(await rows("SELECT name FROM system.tables WHERE name LIKE 'scratch_%'")).toEqual([]);
  });

  it('of one source, or from a time on, leaves the others as they are', async () => {
    await change(damaged('auditd', "UPDATE comm = 'x' WHERE 1"), damaged('runtime', "UPDATE image = 'x' WHERE 1"));
    await reindex('--source', 'auditd', '--since', '2026-11-23T13:12:00Z');
    const [left] = await rows(`SELECT countIf(comm = 'x' AND time >= '2026-11-23 13:12:00') AS late,
      countIf(comm = 'x') > 0 AS early, (SELECT uniqExact(image) FROM runtime FINAL) AS images FROM auditd FINAL`);
    expect(left).toEqual({ late: 0, early: 1, images: 1 });
    await reindex();
    expect(await contentOf(store)).toEqual(fresh);
  });

  it('killed in the middle and run again gives the same', async () => {
    await change(...damage);
    for (const ms of [900, 1500, 2500]) {
      const { process, ended } = start(['--store', `embedded:${store}`, 'reindex']);
      await sleep(ms);
      process.kill('SIGKILL');
      await ended;
    }
    await reindex();
    expect(await contentOf(store)).toEqual(fresh);
  });

  it('beside a running `vestige up` lets it be asked meanwhile, and an import come in', async () => {
    await change(...damage);
    const up = start(['--store', `embedded:${store}`, 'up', '--port', '0']);
    try {
      await expect.poll(() => up.err(), { timeout: 30_000 }).toMatch(/http:\/\//);
      const running = reindex();
      const other = 'test/fixtures/recordings/quiet-day/containerd-events.log.zst';
      const [, asked, importing] = await Promise.all([
        running,
        vestige('--store', `embedded:${store}`, '--json', 'search', '--limit', '1'),
        vestige('--store', `embedded:${store}`, 'ingest', other, '--cluster', 'other'),
      ]);
      expect([asked.code, importing.code]).toEqual([0, 0]);
    } finally {
      up.process.kill('SIGTERM');
      await up.ended;
    }
    const both = join(directory, 'both');
    cpSync(imported, both, { recursive: true });
    const other = 'test/fixtures/recordings/quiet-day/containerd-events.log.zst';
    await vestige('--store', `embedded:${both}`, 'ingest', other, '--cluster', 'other');
    expect(await contentOf(store)).toEqual(await contentOf(both));
  });
});
