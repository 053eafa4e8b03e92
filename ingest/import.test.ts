// An import in this process: what it tells, what it takes for whose, and whose fault a failure is.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../analytics/store/connect.ts';
import type { Store } from '../analytics/store/store.ts';
import { type ImportOptions, importPaths, type Progress } from './import.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-ingest-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${join(directory, 'store')}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

function run(paths: string[], options: ImportOptions = {}, stop = new AbortController().signal, told: Progress[] = []) {
  return importPaths(paths, options, { store, now: () => new Date(), stop, onProgress: (p) => told.push(p) });
}
let files = 0;
function file(text: string, folder = '.'): string {
  mkdirSync(join(directory, folder), { recursive: true });
  const path = join(directory, folder, `${files++}.log`);
  writeFileSync(path, text);
  return path;
}
const syscall = (serial: number, prefix = '') => `${prefix}type=SYSCALL msg=audit(1795439390.632:${serial}): pid=1\n`;
const nodes = async (serial: number) =>
  (
    await store.rows('SELECT cluster, node FROM records WHERE event_key LIKE {key:String} ORDER BY cluster, node', {
      key: `%:${serial}`,
    })
  ).map((r) => `${r['cluster']}/${r['node']}`);

describe('a record', () => {
  it('is of the node its line names, else its directory, else nobody; an option outdoes all', async () => {
    const manifest = { node: 'from-manifest', cluster: 'c1', boot_id: 'b1' };
    writeFileSync(file('', 'known').replace(/[^/]*$/, 'node.json'), JSON.stringify(manifest));
    await run([file(syscall(1), 'known'), file(syscall(2, 'node=from-line '), 'known'), file(syscall(3))]);
    await run([file(syscall(4, 'node=from-line '), 'known')], { node: 'given', cluster: 'c2' });
    expect([await nodes(1), await nodes(2), await nodes(3), await nodes(4)]).toEqual([
      ['c1/from-manifest'],
      ['c1/from-line'],
      ['default/'],
      ['c2/given'],
    ]);
    expect(await store.rows("SELECT boot_id FROM records WHERE event_key LIKE '%:1'")).toEqual([{ boot_id: 'b1' }]);
  });

  it('of lines among others is kept with them: what is not known is a dead letter', async () => {
    const summary = await run([file(`-- log begins --\n\n${syscall(10)}something else\n{"half":\n`)]);
    expect(summary).toMatchObject({ records: 4, dead_letters: 3, events: { auditd: 1 }, problems: [] });
    expect(summary).toMatchObject({ lines: 5, blank_lines: 1, balanced: true });
    const reasons = await store.rows('SELECT reason, count() AS n FROM dead_letters FINAL GROUP BY reason');
    expect(reasons).toEqual([{ reason: 'unknown-format', n: 3 }]);
  });

  it('of a source that was named needs no recognising', async () => {
    expect(await run([file('nothing known\n')], { source: 'auditd' })).toMatchObject({
      records: 1,
      dead_letters: 1,
      problems: [],
    });
  });
});

describe('an import', () => {
  it('tells how far it is, up to all bytes', async () => {
    const told: Progress[] = [];
    const paths = [file(syscall(20)), file(syscall(21))];
    await run(paths, {}, undefined, told);
    expect(told.at(-1)).toMatchObject({ bytesRead: told[0]?.bytesTotal, path: paths[1] });
  });

  it('that is stopped keeps what it has read and leaves no batch behind', async () => {
    const stop = new AbortController();
    stop.abort();
    expect(await run([file(syscall(30))], {}, stop.signal)).toMatchObject({ records: 0, files: 0 });
    expect(await store.rows('SELECT count() AS n FROM staged')).toEqual([{ n: 0 }]);
  });

  it('leaves its books in the store', async () => {
    const log = file(syscall(35) + syscall(35).replace('SYSCALL', 'CWD') + syscall(36));
    const { records, bytes, lines } = await run([log, log]);
    const [row] = await store.rows(
      "SELECT records, duplicates, bytes, lines, folded_lines, finished_at > '2026-01-01' AS finished FROM imports FINAL ORDER BY finished_at DESC LIMIT 1",
    );
    expect(row).toMatchObject({ records, bytes, lines, finished: 1 });
    expect(row).toMatchObject({ records: 2, duplicates: 2, lines: 6, folded_lines: 2 });
  });

  it('that the store refuses fails: it is no damage of the file', async () => {
    const big = file(`type=SYSCALL msg=audit(1795439390.632:40): pid=1 ${'x'.repeat(7_000_000)}\n`.repeat(9)); // more than a batch
    await store.run('RENAME TABLE auditd TO auditd_away');
    try {
      await expect(run([big])).rejects.toThrow(/auditd/);
    } finally {
      await store.run('RENAME TABLE auditd_away TO auditd');
    }
    await expect(run([big])).resolves.toMatchObject({ problems: [] });
  });
});
