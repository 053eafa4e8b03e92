// How long a responder waits: the sample intrusion from its logs to its chain. Each run starts from an empty store.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bench } from 'vitest';
import { correlate } from '../../analytics/correlate.ts';
import { loadRules } from '../../analytics/rules/load.ts';
import { connect } from '../../analytics/store/connect.ts';
import type { Store } from '../../analytics/store/store.ts';
import { importPaths } from '../../ingest/import.ts';

const recording = 'test/fixtures/recordings/web-to-cluster';
const options = { iterations: 3, time: 0, warmupIterations: 1, warmupTime: 0 };

const importInto = (store: Store) =>
  importPaths(
    [recording],
    {},
    { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} },
  );

async function withStore(work: (store: Store) => Promise<unknown>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-bench-'));
  const store = await connect(`embedded:${directory}`, 'bench');
  await work(store);
  await store.close();
  rmSync(directory, { recursive: true, force: true });
}

bench('import: 26 MB of logs, 25,365 records, into an empty store', () => withStore(importInto), options);

bench(
  'import and correlate: the same, to its chain',
  () =>
    withStore(async (store) => {
      await importInto(store);
      await correlate(store, (await loadRules('analytics/rules/pack')).rules, () => new Date());
    }),
  options,
);
