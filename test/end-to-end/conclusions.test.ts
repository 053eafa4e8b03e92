// The recordings, from their logs to what is concluded, against what is known of them: the kernel's own account of every process
// (attribution.tsv) and the labels of the intrusions (truth.json). Provenance: test/fixtures/recordings/README.md.
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decompress } from 'fzstd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { correlate } from '../../analytics/correlate.ts';
import { listChains, readChain } from '../../analytics/queries/chains.ts';
import { sourceOf } from '../../analytics/rules/compile/check.ts';
import { loadRules } from '../../analytics/rules/language/load.ts';
import { detect } from '../../analytics/rules/run/detect.ts';
import { scan } from '../../analytics/rules/run/scan.ts';
import { connect } from '../../analytics/store/connect.ts';
import type { Store } from '../../analytics/store/store.ts';
import { importPaths } from '../../ingest/import.ts';
import { createRandom, type Random } from '../support/random.ts';

const recordings = 'test/fixtures/recordings';
const dependencies = (store: Store) => ({
  store,
  now: () => new Date(),
  stop: new AbortController().signal,
  onProgress: () => {},
});

/** One engine holds one directory in a process: each store is closed before the next opens. */
async function openStore(): Promise<{ store: Store; remove: () => Promise<void> }> {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-conclusions-'));
  const store = await connect(`embedded:${directory}`, 'test');
  const remove = async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  };
  return { store, remove };
}

const { rules: pack } = await loadRules('analytics/rules/pack');
async function conclude(store: Store): Promise<void> {
  const { refused } = await correlate(store, pack, () => new Date());
  expect(refused).toEqual([]);
}

const Finding = z.object({
  severity: z.string(),
  title: z.string(),
  summary: z.string(),
  digests: z.array(z.string()),
});
type Finding = z.infer<typeof Finding>;

async function findingsOf(store: Store): Promise<Finding[]> {
  const rows = await store.rows(
    'SELECT severity, title, summary, arrayMap(d -> lower(hex(d)), digests) AS digests FROM findings FINAL ORDER BY id',
  );
  return z.array(Finding).parse(rows);
}
const isSerious = ({ severity }: Finding) => ['high', 'critical'].includes(severity);
const touching = (findings: readonly Finding[], digests: Record<string, string[]>) => {
  const all = new Set(Object.values(digests).flat());
  return findings.filter((finding) => finding.digests.some((digest) => all.has(digest)));
};

/** What the intrusion that comes first comes to, imported in one piece: other ways to import it must come to the same. */
let whole: Contents;
type Digests = Record<'k8s' | 'auditd' | 'consequent_k8s' | 'consequent_auditd', string[]>;
interface Truth {
  steps: { n: number; digests: Digests }[];
  benign_lookalikes: { what: string; digests: Record<string, string[]> }[];
}
const truthOf = (name: string) => JSON.parse(readFileSync(`${recordings}/${name}/truth.json`, 'utf8')) as Truth;

describe.each(readdirSync(recordings).filter((name) => !name.includes('.')))('%s', (name) => {
  let store: Store;
  let remove: () => Promise<void>;
  let findings: Finding[];
  beforeAll(async () => {
    ({ store, remove } = await openStore());
    await importPaths([`${recordings}/${name}`], {}, dependencies(store));
    await conclude(store);
    findings = await findingsOf(store);
  }, 120_000);
  afterAll(() => remove());

  test('every auditd event of a container process is attributed to that container, none of the node to any', async () => {
    const lines = Buffer.from(decompress(readFileSync(`${recordings}/${name}/attribution.tsv.zst`))).toString();
    const rows = await store.rows("SELECT event_id, container_id FROM events FINAL WHERE layer = 'auditd'");
    const said = new Map(rows.map((r) => [String(r['event_id']), String(r['container_id'])]));
    const seen = { inside: 0, right: 0, node: 0, falselyInside: 0 };
    for (const line of lines.split('\n')) {
      const [event = '', container = '', kind] = line.split('\t');
      if (kind === 'in') {
        seen.inside++;
        if (said.get(event) === container) seen.right++;
      } else if (kind === 'host') {
        seen.node++;
        if (said.get(event) !== '') seen.falselyInside++;
      }
    }
    expect(seen.inside).toBeGreaterThan(1_000);
    expect(seen.node).toBeGreaterThan(1_000);
    expect(seen.right / seen.inside).toBeGreaterThanOrEqual(0.995);
    expect(seen.falselyInside).toBe(0);
  });

  test.runIf(name !== 'quiet-day')('one chain, read first, tells every step and little else', async () => {
    const [first] = await listChains(store, { limit: 100 });
    const chain = await readChain(store, first?.id ?? '');
    const truth = truthOf(name);
    const core = new Set(chain?.members.filter((m) => m.role === 'core').map((m) => m.digest));
    const missed = truth.steps.filter((s) => ![...s.digests.k8s, ...s.digests.auditd].some((d) => core.has(d)));
    expect(missed.map((s) => s.n)).toEqual([]);
    const own = new Set(truth.steps.flatMap((s) => [...s.digests.k8s, ...s.digests.auditd]));
    const followed = truth.steps.flatMap((s) => [...s.digests.consequent_k8s, ...s.digests.consequent_auditd]);
    const tolerated = new Set(followed);
    const hits = [...own].filter((d) => core.has(d)).length;
    expect(hits / own.size).toBeGreaterThanOrEqual(0.95);
    expect(hits / [...core].filter((d) => !tolerated.has(d)).length).toBeGreaterThanOrEqual(0.95);
    const lookalikes = truth.benign_lookalikes.flatMap((b) => Object.values(b.digests).flat());
    expect(lookalikes.filter((d) => core.has(d))).toEqual([]);
    expect(['high', 'critical']).toContain(chain?.severity);
  });

  test('no other chain is grave, and on the quiet day none at all', async () => {
    const grave = (await listChains(store, { limit: 100 })).filter((c) => ['high', 'critical'].includes(c.severity));
    expect(grave).toHaveLength(name === 'quiet-day' ? 0 : 1);
  });

  test('links of a chain name only what the chain prints', async () => {
    for (const { id } of await listChains(store, { limit: 100 })) {
      const chain = await readChain(store, id);
      const known = new Set([...(chain?.entities ?? []).map((e) => e.id), ...(chain?.members ?? []).map((m) => m.id)]);
      expect(chain?.links.filter((l) => !known.has(l.from) || !known.has(l.to))).toEqual([]);
    }
  });

  test('a finding is in every step, and in every step but the quietest a serious one', () => {
    const found = truthOf(name).steps.map(({ n, digests }) => ({ n, findings: touching(findings, { ...digests }) }));
    expect(found.filter((step) => step.findings.length === 0).map(({ n }) => n)).toEqual([]);
    expect(found.filter((step) => !step.findings.some(isSerious)).length).toBeLessThanOrEqual(1);
  });

  test('nothing serious is said of ordinary work, and on the quiet day hardly anything at all', () => {
    const serious = findings.filter(isSerious);
    if (name === 'quiet-day') {
      expect(serious.map(({ title }) => title)).toEqual([]);
      expect(findings.filter(({ severity }) => severity === 'medium').length).toBeLessThanOrEqual(5);
    }
    for (const { what, digests } of truthOf(name).benign_lookalikes) {
      expect({ what, wrong: touching(serious, digests).map(({ title }) => title) }).toEqual({ what, wrong: [] });
    }
  });

  test('each finding is told in a sentence with the names and values themselves, and names the records it rests on', () => {
    const holes = findings.filter(
      ({ summary }) =>
        /an unknown \w+| {2}|(^|\s)\(\)|^\W*$|\/\/ |: ?[.,]( |$)| [.,]( |$)/.test(summary) || !/[.)]$/.test(summary),
    );
    expect(holes.map(({ title, summary }) => `${title}: ${summary}`)).toEqual([]);
    expect(findings.filter(({ digests }) => digests.length === 0)).toEqual([]);
  });

  // sessions.test.ts has the others; two of these become ctr itself, by hand from the raw logs
  test.runIf(name === 'stolen-identities')('every exec request is joined to what it started', async () => {
    const execs = await store.rows(
      "SELECT method, process_key != '' AS joined FROM sessions FINAL WHERE kind = 'exec'",
    );
    expect(execs.map((s) => [s['method'], Number(s['joined'])])).toEqual(Array(8).fill(['command', 1]));
  });

  const onceTest = name === 'web-to-cluster' ? test : undefined;
  onceTest?.('concluding again changes nothing', async () => {
    whole = await contentOf(store);
    await conclude(store);
    expect(await contentOf(store)).toEqual(whole);
    expect(whole.withIds['chain_members']).not.toMatch(/^0 /);
  });

  onceTest?.('rules tried on events first find what they find on every row', async () => {
    const ofEvents = pack.filter((rule) => rule.kind === 'event');
    const views = [...new Set(ofEvents.map(sourceOf))].flatMap((source) =>
      source?.events ? [[source, ofEvents.filter((rule) => sourceOf(rule) === source)] as const] : [],
    );
    const fields = ['vestige.pod']; // of what is joined: words tell of it then, whatever rules are tested together
    const toldBy = (words: object) => Object.entries(words).filter(([, word]) => word !== '');
    const hitsOf = async (rowsOfLarge: number) => {
      const found: string[] = [];
      for (const [source, own] of views)
        for await (const { rules, words, ...hit } of scan(store, source, own, { rowsOfLarge, fields }))
          for (const { id } of rules) found.push(JSON.stringify([id, toldBy(words).sort(), hit]));
      return found.sort();
    };
    const together = await hitsOf(0);
    expect(together).toEqual(await hitsOf(Number.POSITIVE_INFINITY));
    expect(together.length).toBeGreaterThan(500);
  });
  onceTest?.('findings go with their rules', async () => {
    await detect(store, [], { version: Date.now() });
    expect(await findingsOf(store)).toEqual([]);
  });
});

const CONCLUSIONS = [
  'pods',
  'containers',
  'boots',
  'process_runs',
  'login_records',
  'processes',
  'attributions',
  'callers',
  'sessions',
  'session_processes',
  'clock_offsets',
  'principals',
  'owners',
  'workloads',
  'node_addresses',
  'ways',
  'images',
  'api_contacts',
  'api_servers',
  'api_connections',
  'token_uses',
  'events',
  'gaps',
  'auditd_hours',
  'runtime_calls',
  'rootfs_devices',
  'namespaces',
  'event_marks',
  'process_facts',
  'behaviours',
  'novelties',
  'baselines',
  'rule_hits',
  'tested_minutes',
  'findings',
  'chains',
  'chain_links',
  'chain_members',
];

const CHAIN_ID: Record<string, string> = { chains: 'id', chain_links: 'chain_id', chain_members: 'chain_id' };

interface Contents {
  withIds: Record<string, string>;
  withoutIds: Record<string, string>;
}

/** What is concluded, but for the number of the run; a chain keeps the id it had when it was smaller, so ids tell a history. */
async function contentOf(store: Store): Promise<Contents> {
  const read = async (table: string, except: string) => {
    const [row] = await store.rows(
      `SELECT count() AS n, groupBitXor(cityHash64(toString(tuple(* EXCEPT (${except}))))) AS hash FROM ${table} FINAL`,
    );
    return `${row?.['n']} rows, hash ${row?.['hash']}`;
  };
  const contents: Contents = { withIds: {}, withoutIds: {} };
  for (const table of CONCLUSIONS) {
    contents.withIds[table] = await read(table, 'version, is_deleted');
    contents.withoutIds[table] = await read(table, ['version', 'is_deleted', CHAIN_ID[table] ?? []].flat().join(', '));
  }
  return contents;
}

/** What it comes to when it is concluded upon after each of several imports. */
async function contentAfter(imports: readonly (readonly string[])[]): Promise<Contents> {
  const { store, remove } = await openStore();
  try {
    for (const paths of imports) {
      await importPaths([...paths], { cluster: 'shop-prod', node: 'worker-1' }, dependencies(store));
      await conclude(store);
    }
    return await contentOf(store);
  } finally {
    await remove();
  }
}

describe('equal results', () => {
  const logs = ['containers.jsonl', 'k8s-audit.log', 'audit.log', 'containerd-events.log'];
  const paths = logs.map((file) => `${recordings}/web-to-cluster/${file}.zst`);
  const directory = mkdtempSync(join(tmpdir(), 'vestige-pieces-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /**
   * All records in three imports, in any order among and within the first two; the last has what came late of every third minute, so that
   * the other minutes stand as they were concluded upon.
   */
  function shuffledPieces(random: Random): string[][] {
    const pieces: string[][] = [[], [], []];
    // the boot, which an import reads beside its logs
    copyFileSync(`${recordings}/web-to-cluster/node.json`, join(directory, 'node.json'));
    for (const [i, log] of logs.entries()) {
      const text = Buffer.from(decompress(readFileSync(paths[i] as string))).toString('latin1');
      const records = random.shuffled(log === 'audit.log' ? auditEvents(text) : text.split(/(?<=\n)/));
      for (const [n, piece] of pieces.entries()) {
        const path = join(directory, `${n}-${log}`);
        const isMine = (record: string, at: number) => (isLate(record) && at % 4 === 0 ? 2 : at % 2) === n;
        writeFileSync(path, records.filter(isMine).join(''), 'latin1');
        piece.push(path);
      }
    }
    return pieces;
  }
  const isLate = (record: string) => {
    const [, seconds, written = ''] = /msg=audit\((\d+)|(\d{4}-\d\d-\d\d[T ]\d\d:\d\d)/.exec(record) ?? [];
    return (
      Math.floor(seconds === undefined ? Date.parse(`${written.replace(' ', 'T')}Z`) / 60_000 : Number(seconds) / 60) %
        3 ===
      0
    );
  };
  function auditEvents(text: string): string[] {
    const events = new Map<string, string>();
    for (const line of text.split(/(?<=\n)/)) {
      const key = /msg=audit\(([\d.:]+)\)/.exec(line)?.[1] ?? line;
      events.set(key, (events.get(key) ?? '') + line);
    }
    return [...events.values()];
  }

  test('it does not matter in which order records came, concluded upon in between', async () => {
    const random = createRandom();
    const pieces = await contentAfter(shuffledPieces(random));
    expect(pieces.withoutIds, `seed ${random.seed}`).toEqual(whole.withoutIds);
  }, 300_000);
});
