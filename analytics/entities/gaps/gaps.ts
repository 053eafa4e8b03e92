// What is known to be missing, of every kind (docs/reference/gaps.md): a pure function of the typed tables, of receipts and of pods.
import { z } from 'zod';
import { insertInParts, type Put } from '../../store/derived.ts';
import type { Store } from '../../store/store.ts';
import { ALL_NEW, type News } from '../news.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
import type { Touched } from '../touched.ts';
import auditdHours from './auditd-hours.sql';
import { type FoundGap, gapRow, mergeNeighbours } from './gap.ts';
import notesOfAuditd from './gaps-notes-of-auditd.sql';
import { gapsOfAuditing } from './gaps-of-auditing.ts';
import gapsOfCollectors from './gaps-of-collectors.sql';
import gapsOfLifecycles from './gaps-of-lifecycles.sql';
import gapsOfOffsets from './gaps-of-offsets.sql';
import gapsOfSerials from './gaps-of-serials.sql';
import gapsOfStages from './gaps-of-stages.sql';

const text = z.string();
const ms = z.coerce.number();

const noteRow = z.object({
  ...{ cluster: text, node: text, digest: text },
  time: ms,
  types: z.array(text),
  fields: z.record(text, text),
  ...{ oldest: ms, newest: ms, before: ms },
});
const stageRow = z.object({ cluster: text, from: ms, to: ms, stage: text, what: text, digest: text });
const lifecycleRow = z.object({
  ...{ cluster: text, node: text, container_id: text, what: text },
  ...{ from: ms, to: ms, missing: z.coerce.number() },
  digests: z.array(text),
});

const HOUR_SCOPE = '/*scope hour (cluster, node, toStartOfHour(time))*/ 1';

/** Brings `auditd_hours` and `gaps` up to date with rows of `version`. */
export async function buildGaps(
  store: Store,
  put: Put,
  version: number,
  touched: Touched = { whole: true },
  news: News = ALL_NEW,
): Promise<void> {
  const fill = (into: string, select: string) =>
    store.run(`INSERT INTO ${into} ${select} ${ENTITY_SETTINGS}`, { version }, 'background');
  const read = async <T>(sql: string, row: z.ZodType<T>) =>
    z.array(row).parse(await store.rows(`${sql} ${ENTITY_SETTINGS}`, {}, 'background'));
  if (touched.whole) await put('auditd_hours', (into) => fill(into, auditdHours));
  else if (touched.hours !== '') {
    const hours = `SELECT cluster, node, toStartOfHour(minute) FROM ${touched.minutes}`;
    const inScope = `(${touched.hours}) AND (cluster, node, toStartOfHour(time)) IN (${hours})`;
    const select = auditdHours.replace(HOUR_SCOPE, () => inScope);
    await put('auditd_hours', (into) => fill(into, select), `(cluster, node, hour) IN (${hours})`);
  }
  // each kind by itself, where what it is found in changed
  const find = async (of: string, statements: string[], work: (into: string) => Promise<void>) => {
    if (!touched.whole && news.of(...statements)) await put('gaps', work, of);
  };
  const fillGaps = (select: string) => (into: string) => fill(into, select);
  const insert = (gaps: () => Promise<readonly FoundGap[]>) => async (into: string) =>
    insertInParts(
      store,
      into,
      (await gaps()).map((gap) => gapRow(gap, version)),
    );
  const ofAuditing = insert(async () => gapsOfAuditing(await read(notesOfAuditd, noteRow)));
  const ofRequests = insert(async () => gapsOfRequests(await read(gapsOfStages, stageRow)));
  const ofContainers = insert(async () => gapsOfContainers(await read(gapsOfLifecycles, lifecycleRow)));
  const parts: [string, string, (into: string) => Promise<void>][] = [
    [SERIALS, gapsOfSerials, fillGaps(gapsOfSerials)],
    [OFFSETS, gapsOfOffsets, fillGaps(gapsOfOffsets)],
    [AUDITING, notesOfAuditd, ofAuditing],
    [STAGES, gapsOfStages, ofRequests],
    [LIFECYCLES, gapsOfLifecycles, ofContainers],
    [OF_COLLECTORS, gapsOfCollectors, fillGaps(gapsOfCollectors)],
  ];
  if (touched.whole)
    await put('gaps', async (into) => {
      for (const [, , work] of parts) await work(into);
    });
  await Promise.all(parts.map(([of, statement, work]) => find(of, [statement], work)));
}

/** What notices tell has whatever reason they give, and may name no collector. */
const UNNAMED = "digests[1] IN (SELECT digest FROM collector_notices WHERE collector = '')";
const ofKinds = (...kinds: string[]) =>
  `kind IN (${kinds.map((kind) => `'${kind}'`).join(', ')}) AND collector = '' AND NOT (${UNNAMED})`;
/** The kinds that each finds. */
const SERIALS = ofKinds('serials-missing');
const OFFSETS = ofKinds('offsets-missing');
const AUDITING = ofKinds(
  ...['auditd-stopped', 'auditd-restarted', 'audit-disabled', 'audit-rules-changed', 'records-lost', 'clock-stepped'],
);
const STAGES = ofKinds('stages-missing');
const LIFECYCLES = ofKinds('events-missing');
const OF_COLLECTORS = `(collector != '' OR ${UNNAMED})`;

function gapsOfRequests(rows: readonly z.infer<typeof stageRow>[]): FoundGap[] {
  const gaps = rows.map(
    (r): FoundGap => ({
      ...{ cluster: r.cluster, source: 'k8s-audit', node: '', first_seen: r.from, last_seen: r.to },
      ...{ kind: 'stages-missing', missing: 1, digests: [r.digest] },
      detail: `${r.what}: ${r.stage} and no end`,
    }),
  );
  return mergeNeighbours(
    gaps,
    (missing, _, first) => `${missing} requests without their last stage, the first ${first.detail}`,
  );
}

function gapsOfContainers(rows: readonly z.infer<typeof lifecycleRow>[]): FoundGap[] {
  const gaps = rows.map(
    (r): FoundGap => ({
      ...{ cluster: r.cluster, source: 'runtime', node: r.node, first_seen: r.from, last_seen: r.to },
      ...{ kind: 'events-missing', missing: r.missing, digests: r.digests },
      detail: `no ${r.what} of container ${r.container_id}`,
    }),
  );
  return mergeNeighbours(
    gaps,
    (missing, places, first) => `${missing} events of ${places} containers, the first: ${first.detail}`,
  );
}
