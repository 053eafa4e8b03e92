// The pack against recordings of a real cluster: an ordinary day holds nothing to be woken for, every labelled step of an
// intrusion is found, and what only looks like an intrusion is not called one.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
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

const RECORDINGS = 'test/fixtures/recordings';
const Digests = z.record(z.string(), z.array(z.string()));
const Truth = z.object({
  steps: z.array(z.object({ n: z.number(), digests: Digests })),
  benign_lookalikes: z.array(z.object({ what: z.string(), digests: Digests })),
});
const Finding = z.object({
  id: z.string(),
  severity: z.string(),
  title: z.string(),
  summary: z.string(),
  digests: z.array(z.string()),
});
type Finding = z.infer<typeof Finding>;

const SERIOUS = new Set(['high', 'critical']);
const touches = (finding: Finding, digests: Record<string, string[]>) => {
  const all = new Set(Object.values(digests).flat());
  return finding.digests.some((digest) => all.has(digest));
};

async function findingsOf(store: Store): Promise<Finding[]> {
  const rows = await store.rows(
    'SELECT id, severity, title, summary, arrayMap(d -> lower(hex(d)), digests) AS digests FROM findings FINAL ORDER BY id',
  );
  return z.array(Finding).parse(rows);
}

for (const name of ['quiet-day', 'web-to-cluster', 'poisoned-image']) {
  describe(`the recording ${name}`, () => {
    const directory = mkdtempSync(join(tmpdir(), 'vestige-recording-'));
    const truth = Truth.parse(JSON.parse(readFileSync(join(RECORDINGS, name, 'truth.json'), 'utf8')));
    let store: Store;
    let findings: Finding[];
    const run = async (version: number) => {
      const { rules } = await loadRules('analytics/rules/pack');
      return detect(store, rules, { version });
    };

    beforeAll(async () => {
      store = await connect(`embedded:${directory}`, 'recordings test');
      const stop = new AbortController().signal;
      const deps = { store, now: () => new Date(), stop, onProgress: () => {} };
      const { records } = await importPaths([join(RECORDINGS, name)], {}, deps);
      expect(records).toBeGreaterThan(20_000);
      await buildEntities(store, 1);
      expect((await run(1)).refused).toEqual([]);
      findings = await findingsOf(store);
    });
    afterAll(async () => {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    });

    it('has a finding in every step, and in every step but the quietest a serious one', () => {
      const found = truth.steps.map(({ n, digests }) => ({ n, findings: findings.filter((f) => touches(f, digests)) }));
      expect(found.filter((step) => step.findings.length === 0).map(({ n }) => n)).toEqual([]);
      const quiet = found.filter((step) => !step.findings.some((f) => SERIOUS.has(f.severity)));
      expect(quiet.length).toBeLessThanOrEqual(1);
    });

    it('calls nothing serious that is ordinary work', () => {
      const serious = findings.filter((finding) => SERIOUS.has(finding.severity));
      if (truth.steps.length === 0) expect(serious.map((finding) => finding.title)).toEqual([]);
      for (const { what, digests } of truth.benign_lookalikes) {
        const wrong = serious.filter((finding) => touches(finding, digests));
        expect({ what, wrong: wrong.map((finding) => finding.title) }).toEqual({ what, wrong: [] });
      }
    });

    it('tells each in a sentence with the names and values themselves, and names the records it rests on', () => {
      const holes = findings.filter(
        ({ summary }) =>
          /an unknown \w+| {2}|\(\)|^\W*$|\/\/ |: ?[.,]| [.,]( |$)/.test(summary) || !/[.)]$/.test(summary),
      );
      expect(holes.map(({ title, summary }) => `${title}: ${summary}`)).toEqual([]);
      expect(findings.filter(({ digests }) => digests.length === 0)).toEqual([]);
    });

    it('gives the same findings when it is looked through again, and retires them when rules go', async () => {
      await run(2);
      expect(await findingsOf(store)).toEqual(findings);
      await detect(store, [], { version: 3 });
      expect(await findingsOf(store)).toEqual([]);
    });
  });
}
