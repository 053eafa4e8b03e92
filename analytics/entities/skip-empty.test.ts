// What can only come out empty is not run; everything else is.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../store/connect.ts';
import { skipEmpty, tablesRead } from '../store/skip-empty.ts';
import type { Store } from '../store/store.ts';
import { buildEntities } from './entities.ts';

describe('tables that a statement reads', () => {
  it('are those behind FROM and JOIN, whatever WITH names', () => {
    const sql = `INSERT INTO x WITH a AS (SELECT 1 FROM pods FINAL), b AS (SELECT * FROM a) -- FROM nowhere
      SELECT ' FROM text' FROM b LEFT JOIN (SELECT * FROM containers) AS c USING n WHERE n IN (SELECT n FROM events)`;
    expect(tablesRead(sql)).toEqual(['pods', 'containers', 'events']);
  });

  it('of functions and constants are none that could be empty', () => {
    expect(tablesRead('SELECT * FROM numbers(3)')).toEqual(['numbers(']);
    expect(tablesRead('SELECT 1')).toEqual(['?']);
    expect(tablesRead('SELECT * FROM system.tables')).toEqual(['system.tables']);
  });
});

describe('a store in which nothing is', () => {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-empty-'));
  let store: Store;
  const asked: string[] = [];
  beforeAll(async () => {
    const real = await connect(`embedded:${directory}`, 'test');
    store = { ...real, rows: (sql, ...rest) => real.rows(sql, ...rest).finally(() => asked.push(sql)) };
  });
  afterAll(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('is not asked, until something is written', async () => {
    const spared = await skipEmpty(store);
    asked.length = 0;
    expect(await spared.rows('SELECT n FROM cursors')).toEqual([]);
    expect(asked).toEqual([]);
    await spared.run("INSERT INTO cursors (job) SELECT 'a'");
    expect(await spared.rows('SELECT job FROM cursors')).toEqual([{ job: 'a' }]);
    await spared.insert('holds', [{ hold_id: 'x' }]);
    expect(await spared.rows('SELECT hold_id FROM holds')).toEqual([{ hold_id: 'x' }]);
  });

  it('has no entities when every statement is run, so that none needs to be', async () => {
    await buildEntities(store, 1, undefined, (s) => Promise.resolve(s));
    const rows = await store.rows(
      `SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0
         AND name NOT IN ('cursors', 'holds', 'schema_versions', 'audit_names', 'audit_flags', 'syscall_names') AND engine LIKE '%MergeTree'`,
    );
    expect(rows).toEqual([]);
  });
});
