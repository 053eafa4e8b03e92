// Who came in, on the recordings: every exec request with what it started, against what the raw logs say (test/support/execs-of-recording.ts);
// the same with clocks that were wrong, and with a layer missing. Provenance: test/fixtures/recordings/README.md.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { buildEntities } from '../../analytics/entities/entities.ts';
import { connect } from '../../analytics/store/connect.ts';
import type { Row, Store } from '../../analytics/store/store.ts';
import { importPaths } from '../../ingest/import.ts';
import { execsOf, LOGS, type Logs, readLogs, setClock, type TrueExec } from '../support/execs-of-recording.ts';

const recordings = 'test/fixtures/recordings';
const web = readLogs(`${recordings}/web-to-cluster`);
const quiet = readLogs(`${recordings}/quiet-day`);
const poisoned = readLogs(`${recordings}/poisoned-image`);

const work = mkdtempSync(join(tmpdir(), 'vestige-sessions-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));
let stores = 0;

/** One engine holds one directory in a process: each store is closed before the next opens. */
async function withNodes<T>(nodes: Record<string, Partial<Logs>>, look: (store: Store) => Promise<T>): Promise<T> {
  const directory = join(work, String(++stores));
  const store = await connect(`embedded:${directory}`, 'test');
  try {
    for (const [node, logs] of Object.entries(nodes)) {
      const folder = mkdtempSync(join(work, 'logs-'));
      for (const name of LOGS) if (logs[name] !== undefined) writeFileSync(join(folder, name), logs[name]);
      const all = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
      await importPaths([folder], { cluster: 'shop', node }, all);
    }
    await buildEntities(store, 1);
    return await look(store);
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

const readSessions = (store: Store) =>
  store.rows('SELECT * EXCEPT (digests, begin_digests, end_digests) FROM sessions FINAL');
const execsIn = (sessions: readonly Row[]) =>
  Object.fromEntries(
    sessions
      .filter((s) => s['kind'] === 'exec')
      .map((s) => [s['session_id'], [s['container_id'], s['exec_id'], s['pid']]]),
  );
const expected = (truth: readonly TrueExec[], execIds = true) =>
  Object.fromEntries(truth.map((t) => [t.auditId, [t.containerId, execIds ? t.execId : expect.any(String), t.pid]]));

describe.each([
  ['web-to-cluster', web, 8, 36],
  ['quiet-day', quiet, 9, 40],
  ['poisoned-image', poisoned, 4, 30],
])('%s', (_name, logs, requests, probesMin) => {
  test('every exec request is joined to the process it started, no probe to any', async () => {
    const truth = execsOf(logs);
    expect(truth.requests).toHaveLength(requests);
    expect(truth.probes.length).toBeGreaterThanOrEqual(probesMin);
    await withNodes({ n: logs }, async (store) => {
      const sessions = await readSessions(store);
      expect(execsIn(sessions)).toEqual(expected(truth.requests));
      expect(sessions.filter((s) => truth.probes.includes(String(s['exec_id'])))).toEqual([]);
      const execs = sessions.filter((s) => s['kind'] === 'exec');
      for (const s of execs) expect(s).toMatchObject({ method: 'command', ended_by: 'exit' });
      for (const s of execs) expect(String(s['process_key'])).toMatch(new RegExp(`^${s['pid']}@`));
      // a debug container, a port-forward, cron jobs and logins are sessions; every command typed inside an exec is one query
      if (logs === quiet) await expectQuietDay(store);
    });
  });
});

/** By hand from the raw logs. */
async function expectQuietDay(store: Store): Promise<void> {
  const [debug] = await store.rows(
    "SELECT *, length(begin_digests) AS began, length(end_digests) AS ended FROM sessions FINAL WHERE kind = 'debug'",
  );
  expect(debug).toMatchObject({
    principal: 'alice',
    container_name: 'debugger-1',
    ended_by: 'container-exit',
    exit_status: 0,
  });
  expect(debug?.['command']).toEqual(['sh', '-c', 'ps; netstat -ltn; sleep 2']);
  expect([Number(debug?.['began']), Number(debug?.['ended'])].every((n) => n > 0)).toBe(true);
  // sh, ps, netstat, sleep
  expect(Number(debug?.['tree_processes'])).toBe(4);
  const [forward] = await store.rows("SELECT * FROM sessions FINAL WHERE kind = 'portforward'");
  expect(forward).toMatchObject({ principal: 'alice', ended_by: 'answer', process_key: '', namespace: 'shop' });
  // by hand from audit.log: 9 USER_START of cron, 19 LOGIN
  const kinds = await store.rows(
    "SELECT kind, count() AS n, countIf(ended_by = 'logout') AS ended FROM sessions FINAL WHERE kind LIKE 'login%' GROUP BY kind ORDER BY kind",
  );
  expect(kinds.map((k) => [k['kind'], Number(k['n']), Number(k['ended'])])).toEqual([
    ['login', 10, 0],
    ['login-cron', 9, 9],
  ]);
  const rows = await store.rows(
    `SELECT p.argv AS argv, s.principal AS principal, i.depth AS depth FROM sessions AS s FINAL
       INNER JOIN session_processes AS i FINAL ON i.session_id = s.session_id AND i.cluster = s.cluster
       INNER JOIN processes AS p FINAL ON p.cluster = i.cluster AND p.node = i.node AND p.process_key = i.process_key
       WHERE has(s.command, 'env | sort | head; id; cat /etc/hostname') ORDER BY p.first_seen, i.depth, p.pid`,
  );
  // by hand from audit.log; env, sort and head run at once
  const typed = rows.filter((r) => r['depth'] === 1).map((r) => (r['argv'] as string[]).join(' '));
  expect(typed.sort()).toEqual(['cat /etc/hostname', 'env', 'head', 'id', 'sort']);
  expect(new Set(rows.map((r) => r['principal']))).toEqual(new Set(['alice']));
}

describe('clocks that were wrong', () => {
  const START = Date.parse('2026-11-23T13:09:50Z');
  const QUIET_MIDDLE = Date.parse('2026-11-23T13:36:30Z');
  const wrong: [string, (ms: number) => number, (ms: number) => number][] = [
    ['one seven minutes ahead, the other three seconds behind', (ms) => ms + 420_000, (ms) => ms - 3_000],
    [
      'one drifting 50 ms a minute, the other set back three seconds',
      (ms) => ms + (ms - START) * (50 / 60_000),
      (ms) => (ms < QUIET_MIDDLE ? ms : ms - 3_000),
    ],
  ];

  // VESTIGE_FAULTS=full: both
  test.each(process.env['VESTIGE_FAULTS'] === 'full' ? wrong : wrong.slice(1))(
    'of two nodes, %s: sessions are joined, the difference lies within what is said of it',
    async (_name, one, two) => {
      await withNodes({ one: setClock(web, one), two: setClock(quiet, two) }, async (store) => {
        const truth = [...execsOf(web).requests, ...execsOf(quiet).requests];
        expect(execsIn(await readSessions(store))).toEqual(expected(truth));
        await expectOffsets(store, 'one', one, START, Date.parse('2026-11-23T13:15:40Z'));
        await expectOffsets(store, 'two', two, Date.parse('2026-11-23T13:33:40Z'), Date.parse('2026-11-23T13:40:00Z'));
      });
    },
  );
});

async function expectOffsets(
  store: Store,
  node: string,
  set: (ms: number) => number,
  from: number,
  to: number,
): Promise<void> {
  const rows = await store.rows(
    `SELECT layer, toUnixTimestamp64Milli(window_begin) AS begins, toUnixTimestamp64Milli(window_end) AS ends, offset_us, uncertainty_us
     FROM clock_offsets FINAL WHERE node = {node:String} AND reference = 'k8s-audit'`,
    { node },
  );
  expect(new Set(rows.map((r) => r['layer']))).toEqual(new Set(['runtime', 'auditd']));
  let checked = 0;
  for (const row of rows) {
    for (let at = from; at < to; at += 1_000) {
      if (set(at) < Number(row['begins']) || set(at) >= Number(row['ends'])) continue;
      checked++;
      const error = Math.abs((set(at) - at) * 1000 - Number(row['offset_us']));
      expect(error, `${row['layer']} ${new Date(at).toISOString()}`).toBeLessThanOrEqual(Number(row['uncertainty_us']));
    }
  }
  expect(checked).toBeGreaterThan(100);
}

describe('a layer missing', () => {
  test("without the runtime's exec events the call of runc names container and exec, with less confidence", async () => {
    const events = web['containerd-events.log']
      .split('\n')
      .filter((line) => !/\/tasks\/exec-|"id":"[0-9a-f]+".*exec/.test(line));
    const truth = execsOf(web);
    const exits = new Set([...truth.requests.map((r) => r.execId), ...truth.probes]);
    const kept = events.filter((line) => ![...exits].some((id) => line.includes(id)));
    await withNodes({ n: { ...web, 'containerd-events.log': kept.join('\n') } }, async (store) => {
      const sessions = (await readSessions(store)).filter((s) => s['kind'] === 'exec');
      expect(execsIn(sessions)).toEqual(expected(truth.requests));
      for (const s of sessions) expect(s).toMatchObject({ method: 'command-by-audit', ended_by: 'answer' });
      for (const s of sessions) expect(s['confidence']).toBeLessThan(0.95);
    });
  });

  test('without auditd place and time remain, and no probe is taken for a person', async () => {
    const { 'audit.log': _, ...logs } = web;
    const truth = execsOf(web);
    await withNodes({ n: logs }, async (store) => {
      const sessions = (await readSessions(store)).filter((s) => s['kind'] === 'exec');
      expect(execsIn(sessions)).toEqual(expected(truth.requests));
      for (const s of sessions) expect(s).toMatchObject({ method: 'time', process_key: '' });
    });
  });

  test('an answer that never came leaves a session open', async () => {
    const open = web['k8s-audit.log']
      .split('\n')
      .filter((line) => !(line.includes('/exec?') && line.includes('"ResponseComplete"')));
    const events = web['containerd-events.log'].split('\n').filter((line) => !line.includes('/tasks/exit'));
    await withNodes(
      { n: { ...web, 'k8s-audit.log': open.join('\n'), 'containerd-events.log': events.join('\n') } },
      async (store) => {
        const sessions = (await readSessions(store)).filter((s) => s['kind'] === 'exec');
        const open = sessions.filter((s) => s['ended_by'] === '');
        // the intruder's pod was deleted, and nothing in a container outlives it
        expect(new Set(open.map((s) => s['principal']))).toEqual(new Set(['alice']));
        expect(open).toHaveLength(4);
        for (const s of open) expect(s['ended_at']).toBe('1970-01-01T00:00:00.000000000Z');
        const others = sessions.filter((s) => s['ended_by'] !== '');
        expect(others.map((s) => s['ended_by'])).toEqual(Array(4).fill('container-exit'));
      },
    );
  });
});
