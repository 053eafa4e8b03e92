// From a made-up scenario's log lines to the chains that are found in it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { correlate } from '../../analytics/correlate.ts';
import { type Chain, listChains, readChain } from '../../analytics/queries/chains.ts';
import { loadRules } from '../../analytics/rules/language/load.ts';
import { connect } from '../../analytics/store/connect.ts';
import { importPaths } from '../../ingest/import.ts';
import { createScenario, type Scenario } from './scenario.ts';

const RULE = `title: Marker
id: 3a0a4c0e-52a8-4a9b-9f0a-0d3f5d1b6c11
logsource: { product: linux, category: process_creation }
detection:
  marker: { CommandLine|contains: evil-marker }
  condition: marker
level: high
tags: [attack.execution, attack.t1059]
`;

interface Told {
  scenario: Scenario;
  give(chains: Chain[]): void;
  fail(error: unknown): void;
}
/** Tests that run side by side tell theirs in the same moment. */
const TOGETHER_MS = 100;
const waiting: Told[] = [];

/**
 * The chains of a scenario, with one rule that finds "evil-marker" in a command line. Scenarios of tests that run concurrently are concluded upon
 * together, each a cluster of its own in one store: same pods, same pids, and nothing of one in another.
 */
export function chainsOf(tell: (scenario: Scenario) => void): Promise<Chain[]> {
  const scenario = createScenario();
  tell(scenario);
  if (waiting.length === 0) setTimeout(() => void concludeAll(waiting.splice(0)), TOGETHER_MS);
  return new Promise((give, fail) => {
    waiting.push({ scenario, give, fail });
  });
}

async function concludeAll(all: readonly Told[]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-route-'));
  try {
    const chains = await conclude(directory, all);
    for (const [i, { give }] of all.entries()) give(chains.filter(({ cluster }) => cluster === `c${i}`));
  } catch (error) {
    for (const { fail } of all) fail(error);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function conclude(directory: string, all: readonly Told[]): Promise<(Chain & { cluster: string })[]> {
  mkdirSync(join(directory, 'rules'));
  writeFileSync(join(directory, 'rules', 'marker.yml'), RULE);
  const store = await connect(`embedded:${directory}/store`, 'test');
  try {
    const dependencies = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
    for (const [i, { scenario }] of all.entries()) {
      const logs = join(directory, `c${i}`);
      mkdirSync(logs);
      for (const [name, text] of Object.entries(scenario.files())) writeFileSync(join(logs, name), text);
      const { dead_letters } = await importPaths([logs], { cluster: `c${i}`, node: 'worker-1' }, dependencies);
      expect(dead_letters).toBe(0);
    }
    await correlate(store, (await loadRules(join(directory, 'rules'))).rules, () => new Date());
    const chains = [];
    for (const { id, cluster } of await listChains(store, { limit: 100 })) {
      const chain = await readChain(store, id);
      if (chain !== undefined) chains.push({ ...chain, cluster });
    }
    return chains;
  } finally {
    await store.close();
  }
}

/** `kind: what is linked`, by the names a person reads. */
export const linksOf = (chain: Chain | undefined, kind: string) => {
  const name = new Map(chain?.entities.map((e) => [e.id, e.name]));
  return chain?.links.filter((l) => l.kind === kind).map((l) => `${name.get(l.from)} -> ${name.get(l.to)}`) ?? [];
};
/** Audit ids and event ids of core records. */
export const coreIds = (chain: Chain | undefined) =>
  new Set(chain?.members.filter((m) => m.role === 'core').map((m) => m.id.split('/')[0]));
