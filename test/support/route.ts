// From a made-up scenario's log lines to the chains that are found in it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { correlate } from '../../analytics/correlate.ts';
import { type Chain, listChains, readChain } from '../../analytics/queries/chains.ts';
import { loadRules } from '../../analytics/rules/load.ts';
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

/** The chains of a scenario, with one rule that finds "evil-marker" in a command line. */
export async function chainsOf(tell: (scenario: Scenario) => void): Promise<Chain[]> {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-route-'));
  const scenario = createScenario();
  tell(scenario);
  mkdirSync(join(directory, 'logs'));
  mkdirSync(join(directory, 'rules'));
  writeFileSync(join(directory, 'rules', 'marker.yml'), RULE);
  for (const [name, text] of Object.entries(scenario.files())) writeFileSync(join(directory, 'logs', name), text);
  const store = await connect(`embedded:${directory}/store`, 'test');
  try {
    const dependencies = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
    const { dead_letters } = await importPaths(
      [join(directory, 'logs')],
      { cluster: 'c', node: 'worker-1' },
      dependencies,
    );
    expect(dead_letters).toBe(0);
    await correlate(store, (await loadRules(join(directory, 'rules'))).rules, () => new Date());
    const chains = await Promise.all((await listChains(store, { limit: 10 })).map(({ id }) => readChain(store, id)));
    return chains.filter((c) => c !== undefined);
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
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
