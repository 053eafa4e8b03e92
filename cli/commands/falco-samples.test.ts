// The Kubernetes audit samples of falco's own tests with what falco found in each: what corresponds to our pack fires, what
// must not does not. The samples are not ours and not in the repository; without them the suite is skipped.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { buildEntities } from '../../analytics/entities/entities.ts';
import { loadRules } from '../../analytics/rules/language/load.ts';
import { detect } from '../../analytics/rules/run/detect.ts';
import { connect } from '../../analytics/store/connect.ts';
import type { Store } from '../../analytics/store/store.ts';
import { importPaths } from '../../ingest/import.ts';

const SAMPLES = process.env['VESTIGE_FALCO_SAMPLES'] ?? '../../shared/data/k8s-audit/falco';

/** Rules of falco that need a list of what is allowed, or only show a feature of its own: they correspond to none of ours. */
const WITHOUT_COUNTERPART = new Set(['Create Disallowed Pod', 'json_pointer_example']);

/** Rules of falco and the rules of the pack that find the same. */
const COUNTERPARTS: Readonly<Record<string, readonly string[]>> = {
  'Create Privileged Pod': ['Pod with the rights of the node made'],
  'Create Sensitive Mount Pod': ['Workload with a directory of the node that makes it run or admit'],
  'Create HostNetwork Pod': ['Workload in a namespace of the node'],
  'Create/Modify Configmap With Private Credentials': ['Credentials written into a ConfigMap'],
  'Anonymous Request Allowed': ['API answered somebody without credentials'],
  'Attach/Exec Pod': ['Command in a pod through the API'],
  'Service Account Created in Kube Namespace': ['Service account made in a system namespace'],
  'Attach to cluster-admin Role': ['Binding to cluster-admin'],
  'K8s Secret Deleted': ['Secret deleted'],
};

const Expected = z.object({
  tests: z.array(
    z.object({
      test: z.string(),
      file: z.string(),
      detect: z.boolean(),
      rules_fired: z.array(z.record(z.string(), z.number())),
    }),
  ),
});

const Found = z.object({ title: z.string(), digests: z.array(z.string()) });

/** Of the records of a file: the bytes of its lines. */
const digestsOf = (file: string): string[] =>
  readFileSync(join(SAMPLES, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => createHash('sha256').update(line).digest('hex'));

describe.skipIf(!existsSync(join(SAMPLES, 'expected.json')))('the samples of falco', () => {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-falco-'));
  let store: Store;
  let titles: Map<string, Map<string, number>>;
  const expected = existsSync(join(SAMPLES, 'expected.json'))
    ? Expected.parse(JSON.parse(readFileSync(join(SAMPLES, 'expected.json'), 'utf8')))
    : { tests: [] };
  const files = [...new Set(expected.tests.map(({ file }) => file))];

  beforeAll(async () => {
    store = await connect(`embedded:${directory}`, 'falco test');
    const deps = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
    await importPaths(
      files.map((file) => join(SAMPLES, file)),
      {},
      deps,
    );
    await buildEntities(store, 1);
    const { rules } = await loadRules('analytics/rules/pack/kubernetes');
    await detect(store, rules, { version: 1 });
    const rows = await store.rows(
      'SELECT title, arrayMap(d -> lower(hex(d)), digests) AS digests FROM findings FINAL ORDER BY title',
    );
    const fileOf = new Map(files.flatMap((file) => digestsOf(file).map((digest) => [digest, file])));
    titles = new Map();
    for (const { title, digests } of z.array(Found).parse(rows)) {
      const file = fileOf.get(digests[0] ?? '') ?? '';
      const of = titles.get(file) ?? new Map<string, number>();
      titles.set(file, of.set(title, (of.get(title) ?? 0) + 1));
    }
  });
  afterAll(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('are found where falco finds them, as often', () => {
    const wanted = expected.tests.flatMap(({ file, rules_fired }) =>
      rules_fired
        .flatMap((fired) => Object.entries(fired))
        .filter(([rule]) => !WITHOUT_COUNTERPART.has(rule))
        .map(([rule, times]) => ({ file, rule, times })),
    );
    expect(wanted.length).toBeGreaterThan(8);
    const counts = wanted.map(({ file, rule, times }) => ({
      file,
      rule,
      times,
      found: (COUNTERPARTS[rule] ?? []).map((title) => titles.get(file)?.get(title) ?? 0),
    }));
    expect(counts.filter(({ found, times }) => found.length === 0 || found.some((n) => n !== times))).toEqual([]);
  });

  it('are not found where nothing corresponds: each counterpart fires only in its own samples', () => {
    const rulesOf = new Map<string, Set<string>>();
    for (const { file, rules_fired } of expected.tests) {
      const names = rules_fired.flatMap((fired) => Object.keys(fired)).flatMap((rule) => COUNTERPARTS[rule] ?? []);
      rulesOf.set(file, new Set([...(rulesOf.get(file) ?? []), ...names]));
    }
    const counterparts = Object.values(COUNTERPARTS).flat();
    const beyond = files.flatMap((file) =>
      counterparts
        .filter((title) => titles.get(file)?.has(title) && !rulesOf.get(file)?.has(title))
        .map((title) => `${file}: ${title}`),
    );
    expect(beyond).toEqual([]);
  });

  it('hold nothing at all in an unprivileged pod and in what is no event', () => {
    expect([...(titles.get('create_nginx_pod_unprivileged.json') ?? [])]).toEqual([]);
    expect([...(titles.get('fal_01_003.json') ?? [])]).toEqual([]);
  });
});
