// Entities kept up to date while records arrive come to the same as entities made of all records at once: table by table, after many small imports,
// some of whose records are late. Provenance of the recordings: test/fixtures/recordings/README.md.
// VESTIGE_INCREMENTS=12 tries all recordings with so many imports each (the suite: two of one recording, the last small).
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decompress } from 'fzstd';
import { afterAll, expect, test } from 'vitest';
import { buildEntities } from '../../analytics/entities/entities.ts';
import { connect } from '../../analytics/store/connect.ts';
import type { Store } from '../../analytics/store/store.ts';
import { importPaths } from '../../ingest/import.ts';
import { createRandom, type Random } from '../support/random.ts';

const recordings = 'test/fixtures/recordings';
const LOGS = ['containers.jsonl', 'k8s-audit.log', 'audit.log', 'containerd-events.log'];
const directory = mkdtempSync(join(tmpdir(), 'vestige-increments-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const asked = Number(process.env['VESTIGE_INCREMENTS'] ?? 0);
const names = asked > 0 ? readdirSync(recordings).filter((name) => !name.includes('.')) : ['web-to-cluster'];
/** Where each import ends, as a share of all records in order of time. */
const ENDS = asked > 0 ? Array.from({ length: asked }, (_, i) => (i + 1) / asked) : [0.95, 1];

const TABLES = [
  ...['pods', 'containers', 'boots', 'process_runs', 'runtime_calls', 'rootfs_devices', 'named_pids', 'login_records'],
  ...['process_facts', 'processes', 'attributions', 'callers', 'sessions', 'session_processes', 'clock_offsets'],
  ...['principals', 'owners', 'workloads', 'node_addresses', 'ways', 'images', 'api_contacts', 'api_servers'],
  ...['api_connections', 'token_uses', 'events', 'gaps', 'auditd_hours', 'audit_notes', 'serial_minutes'],
];

async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const home = mkdtempSync(join(directory, 'store-'));
  const store = await connect(`embedded:${home}`, 'test');
  try {
    return await work(store);
  } finally {
    await store.close();
    rmSync(home, { recursive: true, force: true });
  }
}

const load = (store: Store, paths: readonly string[]) =>
  importPaths(
    [...paths],
    { cluster: 'shop-prod', node: 'worker-1' },
    { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} },
  );

async function contentOf(store: Store): Promise<Record<string, string>> {
  const contents: Record<string, string> = {};
  for (const table of TABLES) {
    const [row] = await store.rows(
      `SELECT count() AS n, groupBitXor(cityHash64(toString(tuple(* EXCEPT (version, is_deleted))))) AS hash FROM ${table} FINAL`,
    );
    contents[table] = `${row?.['n']} rows, hash ${row?.['hash']}`;
  }
  return contents;
}

/** How many statements a run takes for which nothing came: some to see that, and none of a part. */
async function statementsOfNothingNew(store: Store, version: number): Promise<number> {
  let statements = 0;
  const counted: Store = {
    ...store,
    run: (...args) => store.run(...args).finally(() => statements++),
    rows: (...args) => store.rows(...args).finally(() => statements++),
    insert: (...args) => store.insert(...args).finally(() => statements++),
  };
  await buildEntities(counted, version);
  return statements;
}

interface LoggedRecord {
  text: string;
  at: number;
}

/** Times of a record, as far as they order it; one without has come at any time. */
function timeOf(text: string, random: Random): number {
  const kernel = /msg=audit\((\d+\.\d+)/.exec(text)?.[1];
  if (kernel !== undefined) return Number(kernel) * 1000;
  const told = /"stageTimestamp":"([^"]+)"/.exec(text)?.[1] ?? /^\S+ [\d:.]+/.exec(text)?.[0].replace(' ', 'T');
  const at = told === undefined ? Number.NaN : Date.parse(/Z$/.test(told) ? told : `${told}Z`);
  return Number.isNaN(at) ? random.next() * 2e12 : at;
}

/** Records of one log, lines of one event together. */
function arrivals(text: string, isAudit: boolean, random: Random): LoggedRecord[] {
  const lines = text.split(/(?<=\n)/);
  const events = new Map<string, string>();
  for (const line of lines) {
    const key = isAudit ? (/msg=audit\(([\d.:]+)\)/.exec(line)?.[1] ?? line) : line;
    events.set(key, (events.get(key) ?? '') + line);
  }
  return [...events.values()].map((t) => ({ text: t, at: timeOf(t, random) }));
}

/** Files of each import. @param late the share of records that come with a later import than is their turn */
function pieces(name: string, late: number, random: Random): string[][] {
  const home = mkdtempSync(join(directory, 'pieces-'));
  // the boot, which an import reads beside its logs
  copyFileSync(`${recordings}/${name}/node.json`, join(home, 'node.json'));
  const files = ENDS.map((): string[] => []);
  const logs = LOGS.map((log) => {
    const text = Buffer.from(decompress(readFileSync(`${recordings}/${name}/${log}.zst`))).toString('latin1');
    return arrivals(text, log === 'audit.log', random);
  });
  const times = logs.flatMap((records) => records.map(({ at }) => at).filter((at) => at > 1e12 && at < 1.99e12));
  times.sort((a, b) => a - b);
  const bounds = ENDS.slice(0, -1).map((end) => times[Math.floor(end * times.length)] ?? 0);
  for (const [i, records] of logs.entries()) {
    const texts = files.map((): string[] => []);
    for (const { text, at } of records) {
      const due = bounds.findIndex((bound) => at < bound);
      const first = due === -1 ? ENDS.length - 1 : due;
      const piece = random.next() < late ? first + Math.floor(random.next() * (ENDS.length - first)) : first;
      texts[piece]?.push(text);
    }
    for (const [n, piece] of texts.entries()) {
      const path = join(home, `${n}-${LOGS[i]}`);
      writeFileSync(path, random.shuffled(piece).join(''), 'latin1');
      files[n]?.push(path);
    }
  }
  return files;
}

const MORE: [string, number][] = [
  ['in order of time', 0],
  ['some late', 0.03],
  ['in any order', 1],
];

for (const name of names) {
  const whole = withWhole(name);
  test.each([['in order of time, a few late', 0.0005], ...(asked > 0 ? MORE : [])])(
    `${name}: many imports, %s, come to what one comes to`,
    async (_, late) => {
      const random = createRandom();
      const grown = await withStore(async (store) => {
        let version = 0;
        for (const paths of pieces(name, late, random)) {
          await load(store, paths);
          await buildEntities(store, ++version);
        }
        expect(await statementsOfNothingNew(store, ++version)).toBeLessThan(20);
        return contentOf(store);
      });
      expect(grown, `seed ${random.seed}`).toEqual(await whole());
    },
    1_200_000,
  );
}

function withWhole(name: string): () => Promise<Record<string, string>> {
  let made: Promise<Record<string, string>> | undefined;
  return () => {
    made ??= withStore(async (store) => {
      await load(
        store,
        LOGS.map((log) => `${recordings}/${name}/${log}.zst`),
      );
      await buildEntities(store, 1);
      return contentOf(store);
    });
    return made;
  };
}
