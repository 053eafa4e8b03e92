// A recording in one store, and that store with a part of what it knows taken away: conclusions are a function of the typed tables, so a
// record that never came is a typed row that is not there.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decompress } from 'fzstd';
import { fillContainers } from '../../../analytics/entities/containers/fill-containers.ts';
import { refreshMinutes } from '../../../analytics/entities/minutes/minutes.ts';
import attributions from '../../../analytics/entities/processes/attributions.sql';
import boots from '../../../analytics/entities/processes/boots.sql';
import { NAMED_PIDS, placeProcesses } from '../../../analytics/entities/processes/place-processes.ts';
import { ENTITY_SETTINGS } from '../../../analytics/entities/settings.ts';
import { reindex } from '../../../analytics/reindex.ts';
import { connect } from '../../../analytics/store/connect.ts';
import { type DerivedTable, forgetOlder } from '../../../analytics/store/derived.ts';
import type { Store } from '../../../analytics/store/store.ts';
import { importPaths } from '../../../ingest/import.ts';
import { readTruth, type Said, type Score, score, type Truth } from './score.ts';

// the part of its lines that the log lacks, from its beginning
const LATE = "(SELECT toUInt64(max(position) / 3) FROM records WHERE source = 'auditd')";
const FIRST_THIRD = `digests[1] IN (SELECT digest FROM records WHERE source = 'auditd' AND position < ${LATE})`;
const WITHOUT_RUNTIME = 'DELETE FROM runtime WHERE 1';
const LATE_AUDITD = `DELETE FROM auditd WHERE ${FIRST_THIRD}`;

const EXECUTIONS_ALONE = "DELETE FROM auditd WHERE syscall >= 0 AND syscall_name NOT IN ('execve', 'execveat')";
// by the event's own digest: the same ones every time
const EVERY_FIFTH = 'DELETE FROM auditd WHERE reinterpretAsUInt32(digests[1]) % 5 = 0';

// as on btrfs, or where the node is itself a container
const NODE_ON_OVERLAY = `ALTER TABLE auditd UPDATE path_devs = arrayMap(d -> if(d = '' OR startsWith(d, '00:'), d, '00:0f'), path_devs) WHERE 1
  SETTINGS mutations_sync = 2`;

/** What is taken away, as statements. */
export const MODES = {
  whole: [],
  'without documents of containers': ["DELETE FROM runtime WHERE topic = 'container'"],
  'API and auditd alone': [WITHOUT_RUNTIME],
  'auditd alone': [WITHOUT_RUNTIME, 'DELETE FROM k8s_audit WHERE 1'],
  'auditd a third late': [LATE_AUDITD],
  'API and auditd alone, auditd a third late': [WITHOUT_RUNTIME, LATE_AUDITD],
  'runtime and auditd a third late': [
    `DELETE FROM runtime WHERE time < (SELECT min(time) FROM auditd WHERE NOT (${FIRST_THIRD}) AND pid > 0)`,
    LATE_AUDITD,
  ],
  'runtime a third late': [
    `DELETE FROM runtime WHERE time < (SELECT min(time) FROM auditd WHERE NOT (${FIRST_THIRD}) AND pid > 0)`,
  ],
  'executions alone of auditd': [EXECUTIONS_ALONE],
  'API and auditd alone, executions alone': [WITHOUT_RUNTIME, EXECUTIONS_ALONE],
  'every fifth event of auditd lost': [EVERY_FIFTH],
  'API and auditd alone, every fifth event lost': [WITHOUT_RUNTIME, EVERY_FIFTH],
  "the node's own root has an anonymous device": [NODE_ON_OVERLAY],
  "API and auditd alone, the node's own root has an anonymous device": [WITHOUT_RUNTIME, NODE_ON_OVERLAY],
} as const;
export type Mode = keyof typeof MODES;
export const modes = Object.keys(MODES) as Mode[];

/** A version above that of every run. */
const NEVER_SEEN = Number.MAX_SAFE_INTEGER;

const TYPED = ['k8s_audit', 'auditd', 'runtime'] as const;

export interface Recorded {
  store: Store;
  truth: Truth[];
  /** Concludes without what the mode lacks, and compares. */
  scoreIn(mode: Mode): Promise<Score>;
  close(): Promise<void>;
}

/** Which processes a collector was there for: all but every tenth, which had ended when it looked, or of these every other one. */
export type Notes = 'none' | 'every process' | 'every other process';

/** @param directory with attribution.tsv beside the logs */
export async function openRecording(directory: string, notes: Notes = 'none'): Promise<Recorded> {
  const place = mkdtempSync(join(tmpdir(), 'vestige-attribution-'));
  const store = await connect(`embedded:${place}`, 'test');
  const stop = new AbortController().signal;
  const dependencies = { store, now: () => new Date(), stop, onProgress: () => {} };
  await importPaths([directory], {}, dependencies);
  const truth = readTruth(readText(directory, 'attribution.tsv'));
  if (notes !== 'none') {
    await noteCgroups(store, truth, notes);
    await reindex({ source: 'auditd' }, dependencies);
  }
  const lifetimes = lifetimesIn(readText(directory, 'containerd-events.log'));
  for (const table of TYPED) {
    await store.run(`CREATE TABLE whole_${table} AS ${table} ENGINE = MergeTree ORDER BY tuple()`);
    await store.run(`INSERT INTO whole_${table} SELECT * FROM ${table} FINAL`);
  }
  let version = 0;
  return {
    store,
    truth,
    scoreIn: async (mode) => {
      for (const table of TYPED) {
        await store.run(`TRUNCATE TABLE ${table}`);
        await store.run(`INSERT INTO ${table} SELECT * FROM whole_${table}`);
      }
      for (const statement of MODES[mode]) await store.run(statement);
      // typed rows changed without a record that came: all minutes are made anew
      await store.insert('cursors', [{ job: 'reindex', loader: '', seq: 0, version: NEVER_SEEN }]);
      await attribute(store, ++version);
      return score(truth, await saidIn(store), lifetimes);
    },
    close: async () => {
      await store.close();
      rmSync(place, { recursive: true, force: true });
    },
  };
}

/** As if a collector had been there: the records come with what it would have read in /proc/PID/cgroup, and decoders read it. */
async function noteCgroups(store: Store, truth: readonly Truth[], notes: Notes): Promise<void> {
  await store.run('CREATE TABLE noted (event String, container String, kind String) ENGINE = MergeTree ORDER BY event');
  await store.insert(
    'noted',
    truth.map((t) => ({ ...t })),
  );
  const [row] = await store.rows('SELECT count() AS n FROM noted');
  if (Number(row?.['n']) !== truth.length) throw new Error('the truth is not whole');
  const share = notes === 'every process' ? 1 : 2;
  // the first receipt stays: this one
  await store.run(`
    INSERT INTO records SELECT r.* REPLACE (
      multiIf(a.pid % 10 = 0, map('container_from', 'gone'),
              n.container NOT IN ('-', ''), map('container_from', 'cgroup', 'container_id', n.container),
              map('container_from', 'host')) AS attrs,
      r.received_at - toIntervalSecond(1) AS received_at)
    FROM (SELECT * FROM records FINAL WHERE source = 'auditd') AS r
    INNER JOIN (SELECT digests[1] AS digest, pid FROM auditd FINAL WHERE pid > 0 AND pid % ${share} = 0) AS a ON r.digest = a.digest
    INNER JOIN (SELECT * FROM noted WHERE kind IN ('in', 'setup', 'host')) AS n ON r.event_key = n.event`);
}

/** Of all entities (buildEntities) those that events are attributed by. */
async function attribute(store: Store, version: number): Promise<void> {
  const forget = (table: DerivedTable) => forgetOlder(store, table, version);
  await refreshMinutes(store, version);
  await fillContainers(store, version);
  await forget('containers');
  await store.run(`INSERT INTO boots ${boots} ${ENTITY_SETTINGS}`, { version });
  await forget('boots');
  await store.run(`INSERT INTO named_pids ${NAMED_PIDS} ${ENTITY_SETTINGS}`, { version });
  await forget('named_pids');
  await placeProcesses(store, version);
  await forget('processes');
  await store.run(`INSERT INTO attributions ${attributions} ${ENTITY_SETTINGS}`, { version });
  await forget('attributions');
}

async function saidIn(store: Store): Promise<Map<string, Said>> {
  const rows = await store.rows(`
    SELECT concat(toString(intDiv(toUnixTimestamp64Milli(time), 1000)), '.', leftPad(toString(toUnixTimestamp64Milli(time) % 1000), 3, '0'), ':', toString(serial)) AS event_id,
           container_id, method, confidence
    FROM attributions FINAL`);
  return new Map(
    rows.map((r) => [
      String(r['event_id']),
      { container: String(r['container_id']), method: String(r['method']), confidence: Number(r['confidence']) },
    ]),
  );
}

function readText(directory: string, name: string): string {
  const path = join(directory, name);
  return (existsSync(path) ? readFileSync(path) : Buffer.from(decompress(readFileSync(`${path}.zst`)))).toString(
    'latin1',
  );
}

const EVENT = /^(\S+) (\d\d:\d\d:\d\d)(\.\d+)? \+0000 UTC \S+ (\/tasks\/(?:start|exit)) (\{.*\})$/;

/** ms between the runtime's start and exit of each container, read without Vestige. */
function lifetimesIn(log: string): Map<string, number> {
  const begun = new Map<string, number>();
  const lifetimes = new Map<string, number>();
  for (const line of log.split('\n')) {
    const [, day, time, fraction = '', topic, body = '{}'] = EVENT.exec(line) ?? [];
    if (day === undefined) continue;
    const { container_id, id } = JSON.parse(body) as { container_id: string; id?: string };
    const at = Date.parse(`${day}T${time}Z`) + Number(`0${fraction}`) * 1000;
    if (topic === '/tasks/start') begun.set(container_id, at);
    else if ((id ?? container_id) === container_id) {
      const from = begun.get(container_id);
      if (from !== undefined) lifetimes.set(container_id, at - from);
    }
  }
  return lifetimes;
}
