// What is known to be missing, of every kind (docs/reference/gaps.md): a pure function of the typed tables, of receipts and of pods.
import { z } from 'zod';
import { forgetOlder, insertInParts } from '../../store/derived.ts';
import type { Store } from '../../store/store.ts';
import { ENTITY_SETTINGS } from '../settings.ts';
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

/** Makes `auditd_hours` and `gaps` anew with rows of `version`; older ones go. */
export async function buildGaps(store: Store, version: number): Promise<void> {
  const fill = (table: 'auditd_hours' | 'gaps', select: string) =>
    store.run(`INSERT INTO ${table} ${select} ${ENTITY_SETTINGS}`, { version }, 'background');
  const read = async <T>(sql: string, row: z.ZodType<T>) =>
    z.array(row).parse(await store.rows(`${sql} ${ENTITY_SETTINGS}`, {}, 'background'));
  await fill('auditd_hours', auditdHours);
  await forgetOlder(store, 'auditd_hours', version);
  for (const select of [gapsOfCollectors, gapsOfSerials, gapsOfOffsets]) await fill('gaps', select);
  const found = [
    ...gapsOfAuditing(await read(notesOfAuditd, noteRow)),
    ...gapsOfRequests(await read(gapsOfStages, stageRow)),
    ...gapsOfContainers(await read(gapsOfLifecycles, lifecycleRow)),
  ];
  await insertInParts(
    store,
    'gaps',
    found.map((gap) => gapRow(gap, version)),
  );
  await forgetOlder(store, 'gaps', version);
}

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
