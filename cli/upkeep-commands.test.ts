// doctor and dead-letters over a small store that is whole, and over one that was damaged in each way they look for.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DEAD_LETTER_REASONS } from '../analytics/queries/dead-letters.ts';
import { connect } from '../analytics/store/connect.ts';
import { run } from './test-support/run-command.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-upkeep-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const log = join(directory, 'mixed.log');
const api = (id: string, more = '') =>
  `{"auditID":"${id}","stage":"ResponseComplete","verb":"get","requestReceivedTimestamp":"2026-11-23T13:10:37.5Z"${more}}`;
writeFileSync(
  log,
  [
    api('a'),
    `${api('a')}\r`, // the same event in other bytes
    api('b').slice(0, -1),
    'type=SYSCALL msg=audit(1795439390.632:1): arch=c000003e syscall=59 pid=7 ppid=1 comm="sh" exe="/bin/sh"',
    'type=CWD msg=audit(1795439390.632:1): cwd="/"',
    'what is this',
    '2026-11-23 13:09:55.9 +0000 UTC k8s.io /tasks/start {"container_id":"0aba","pid":29543}',
  ].join('\n'),
);

let made = 0;
let store = '';
const imported = join(directory, 'imported');
beforeAll(async () => {
  expect(await run(`embedded:${imported}`, ['ingest', log])).toMatchObject({ code: 0 });
});
beforeEach(() => {
  const at = join(directory, `store-${made++}`);
  cpSync(imported, at, { recursive: true });
  store = `embedded:${at}`;
});
async function change(...statements: string[]): Promise<void> {
  const open = await connect(store, 'test');
  for (const statement of statements) await open.run(statement);
  await open.close();
}
async function doctor() {
  const { out, code } = await run(store, ['--json', 'doctor']);
  const checks = JSON.parse(out) as { check: string; status: string; detail: string }[];
  return {
    code,
    of: (check: string) => checks.find((c) => c.check === check),
    wrong: checks.filter((c) => c.status === 'problem'),
  };
}
const mutate = (table: string, what: string) => `ALTER TABLE ${table} ${what} SETTINGS mutations_sync = 2`;

describe('doctor', () => {
  it('finds nothing wrong with a store that was only imported into, and names the work that waits', async () => {
    const { code, wrong, of } = await doctor();
    expect(wrong).toEqual([]);
    expect(code).toBe(0);
    expect(of('conclusions')).toMatchObject({ status: 'due', detail: expect.stringContaining('vestige correlate') });
    expect(of('seals')).toMatchObject({ status: 'due', detail: expect.stringContaining('vestige evidence seal') });
    expect(of('records of k8s-audit')).toMatchObject({ status: 'ok', detail: '4 records, 2 of them dead letters' });
  });

  it.each([
    [
      'books of imports',
      'INSERT INTO imports SELECT * REPLACE (lines + 1 AS lines, version + 1 AS version) FROM imports FINAL',
      /lines do not add up/,
    ],
    ['books of imports', mutate('records', "DELETE WHERE event_key LIKE '%:1'"), /records: 5 of 6/],
    ['books of imports', mutate('receipts', 'DELETE WHERE position = 0'), /receipts: 5 of 6/],
    ['batches', "INSERT INTO staged (batch, received_at) SELECT 'old', now() - INTERVAL 2 DAY", /1 records of a batch/],
    ['records of auditd', mutate('auditd', 'DELETE WHERE 1'), /1 records have no typed row/],
    ['records of runtime', mutate('runtime', 'DELETE WHERE 1'), /1 records have no typed row/],
    [
      'records of k8s-audit',
      mutate('dead_letters', "DELETE WHERE reason = 'invalid-json'"),
      /1 records have no typed row/,
    ],
    [
      'rows of k8s_audit',
      "INSERT INTO k8s_audit SELECT * REPLACE (SHA256('x') AS digest, 'x' AS audit_id) FROM k8s_audit FINAL",
      /1 of 2 rows are made of no record/,
    ],
    [
      'rows of auditd',
      "INSERT INTO auditd SELECT * REPLACE ([SHA256('x')] AS digests, 9 AS serial) FROM auditd FINAL",
      /1 of 2 rows/,
    ],
  ])('%s: tells what is wrong', async (check, statement, words) => {
    // an owner that opens the store clears what lies staged: that one is looked at by the same process
    const open = await connect(store, 'test');
    await open.run(statement);
    const beside = await doctor();
    await open.close();
    expect(beside.of(check)).toMatchObject({ status: 'problem', detail: expect.stringMatching(words) });
    expect(beside.code).toBe(1);
  });

  it('tells rows of an older decoder', async () => {
    await change(
      'INSERT INTO auditd SELECT * REPLACE (version + bitShiftLeft(toUInt64(1), 32) AS version, 5 AS serial) FROM auditd FINAL',
    );
    expect((await doctor()).of('decoders')).toMatchObject({ status: 'due', detail: expect.stringContaining('1 rows') });
  });

  it('is content after reindex, correlate and seal', async () => {
    await change(mutate('auditd', 'DELETE WHERE 1'), mutate('dead_letters', 'DELETE WHERE 1'));
    expect((await doctor()).code).toBe(1);
    expect(await run(store, ['reindex'])).toMatchObject({ code: 0 });
    expect(await run(store, ['correlate', '--no-pack', '--rules', 'analytics/rules/pack/runtime'])).toMatchObject({
      code: 0,
    });
    expect(await run(store, ['evidence', 'seal'])).toMatchObject({ code: 0 });
    const { wrong, of, code } = await doctor();
    expect(wrong).toEqual([]);
    expect(code).toBe(0);
    expect(of('seals')?.status).toBe('ok');
  });
});

describe('dead-letters', () => {
  it('are listed with their reason, all or for one', async () => {
    const { out } = await run(store, ['--json', 'dead-letters']);
    const letters = JSON.parse(out) as { reason: string; source: string; digest: string; position: number }[];
    expect(letters.map(({ reason }) => reason)).toEqual(['invalid-json', 'unknown-format']);
    expect(letters[0]?.digest).toMatch(/^[0-9a-f]{64}$/);
    const some = await run(store, ['--json', 'dead-letters', '--reason', 'unknown-format', '--limit', '1']);
    expect(JSON.parse(some.out)).toMatchObject([{ reason: 'unknown-format', detail: 'what is this' }]);
    expect((await run(store, ['dead-letters', '--reason', 'bad luck'])).code).toBe(2);
  });

  it('have the reasons that the engine gives and the reference explains, no other', () => {
    const sql = readFileSync('analytics/decode/dead-letter-reason.sql', 'utf8').replace(/^--.*$/gm, '');
    const given = [...sql.matchAll(/, '([a-z-]+)'(?=,\n)/g)].map(([, reason]) => reason);
    const explained = [...readFileSync('docs/reference/dead-letters.md', 'utf8').matchAll(/^\| `([a-z-]+)`/gm)].map(
      ([, r]) => r,
    );
    expect(new Set(given)).toEqual(new Set(DEAD_LETTER_REASONS));
    expect(explained).toEqual([...DEAD_LETTER_REASONS]);
  });
});
