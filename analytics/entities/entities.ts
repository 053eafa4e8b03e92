// Entities: who was that. Pods, containers, processes, sessions and principals with their lifetimes, every auditd event attributed,
// and the three layers put on one axis. The content is a pure function of the typed tables, made anew from them, or as far as new records
// change it (touched.ts); both come to the same.
import { createHash } from 'node:crypto';
import { withChanges } from '../store/changed.ts';
import { type Put, putAnew } from '../store/derived.ts';
import { withScratchTable } from '../store/scratch.ts';
import { skipEmpty } from '../store/skip-empty.ts';
import type { Store } from '../store/store.ts';
import {
  buildPodsAndPrincipals,
  buildTokenUses,
  CONTEXT_LABELS,
  type ContextLabels,
  type Fill,
} from './actors/actors.ts';
import { putCalls } from './actors/touched-calls.ts';
import { putPods } from './actors/touched-pods.ts';
import { putContainers } from './containers/fill-containers.ts';
import { COUNTED, countRows, type EntityCounts, noteCounts, readCounts } from './counts.ts';
import eventsAuditd from './events/events-auditd.sql';
import eventsK8s from './events/events-k8s.sql';
import eventsRuntime from './events/events-runtime.sql';
import { withTouchedEvents } from './events/touched-events.ts';
import { withTouchedRecords } from './events/touched-records.ts';
import { buildGaps } from './gaps/gaps.ts';
import { makeMinutes } from './minutes/minutes.ts';
import { ALL_NEW, type News, newsOf } from './news.ts';
import attributions from './processes/attributions.sql';
import boots from './processes/boots.sql';
import { fillProcesses, touchLives } from './processes/place-affected.ts';
import { NAMED_PIDS, PROCESSES_READ } from './processes/place-processes.ts';
import { buildSessions, SESSIONS_READ } from './sessions/build-sessions.ts';
import { ENTITY_SETTINGS } from './settings.ts';
import { type Touched, withTouched } from './touched.ts';

/** Counted up when statements or code of entities come to something else than before from the same records: stores are made anew then. */
const REVISION = 4;

export type { EntityCounts };

/**
 * Brings all entities up to date with `version`: rows that changed are written, and what a run no longer finds is marked as gone.
 * @param spare leaves out statements that can only come out empty
 */
export async function buildEntities(
  given: Store,
  version: number,
  labels: ContextLabels = CONTEXT_LABELS,
  spare: (store: Store) => Promise<Store> = skipEmpty,
): Promise<EntityCounts> {
  const store = await spare(given);
  const way = createHash('sha256')
    .update(JSON.stringify([REVISION, labels]))
    .digest('hex');
  return withTouched(store, version, way, async (touched) => {
    if (touched.whole) {
      const put = putAnew(store, version);
      await build(store, { version, labels, touched, put, news: ALL_NEW });
      return noteCounts(store, version, await countRows(given));
    }
    return withChanges(store, version, async (changes) => {
      if (touched.inputs.size > 0)
        await build(store, { version, labels, touched, put: changes.put, news: newsOf(touched, changes) });
      const before = await readCounts(store);
      if (before === undefined) return noteCounts(store, version, await countRows(given));
      const grown = COUNTED.map((table) => [table, before[table] + changes.grown(table)] as const);
      return noteCounts(store, version, Object.fromEntries(grown) as EntityCounts);
    });
  });
}

interface Run {
  version: number;
  labels: ContextLabels;
  touched: Touched;
  put: Put;
  news: News;
}

async function build(store: Store, run: Run): Promise<void> {
  const { version, labels, touched, put, news } = run;
  const params = {
    version,
    owner_labels: labels.owner,
    team_labels: labels.team,
    sensitivity_labels: labels.sensitivity,
  };
  const insert = async (into: string, ...selects: string[]) => {
    for (const select of selects)
      await store.run(
        `INSERT INTO ${into} ${select.replaceAll('{into}', into)} ${ENTITY_SETTINGS}`,
        params,
        'background',
      );
  };
  const fill: Fill = async (table, ...selects) => {
    if (news.of(...selects)) await put(table, (into) => insert(into, ...selects));
  };
  await makeMinutes(store, version, touched, put);
  const livesTable = "(cluster String, node String, container_id String, since DateTime64(3, 'UTC')) ENGINE = Memory";
  await withScratchTable(store, 'touched_lives', livesTable, (lives) =>
    withTouchedEvents(store, touched, async (events) => {
      await putContainers(store, run, async (made, within) => {
        await events.containersMade(made, within);
        if (!touched.whole) await touchLives(store, lives, made, within);
      });
      await buildPodsAndPrincipals(fill, () => putPods(store, put, news, insert));
      await fill('boots', boots);
      await fill('named_pids', NAMED_PIDS);
      if (news.of(...PROCESSES_READ))
        await fillProcesses(store, version, put, touched.whole ? undefined : lives, news, events.processesMade);
      const attributed = await events.attributed();
      const within = attributed && attributedOf(attributed);
      if (news.of(attributions))
        await put('attributions', (into) => insert(into, ofEvents(attributions, attributed)), within);
      const described = await events.described();
      await putCalls({ store, put, news, insert, events: described });
      await buildTokenUses(store, put, version, news);
      if (news.of(...SESSIONS_READ)) await buildSessions(store, put, version);
      if (described === undefined) await fill('events', eventsK8s, eventsRuntime, eventsAuditd);
      else {
        await putRecords(store, put, news, insert);
        if (news.of(eventsAuditd))
          await put('events', (into) => insert(into, ofEvents(eventsAuditd, described)), shownOf(described));
      }
    }),
  );
  await buildGaps(store, put, version, touched, news);
}

type Insert = (into: string, ...selects: string[]) => Promise<void>;

const putRecords = (store: Store, put: Put, news: News, insert: Insert): Promise<void> =>
  withTouchedRecords(store, news, async ({ requests, runtime }) => {
    const of = (select: string, made: string) => select.replace(MOMENT, () => made);
    if (requests) await put('events', (into) => insert(into, of(eventsK8s, requests.made)), requests.within);
    if (runtime) await put('events', (into) => insert(into, of(eventsRuntime, runtime.made)), runtime.within);
  });

const MOMENT = '/*scope moment*/ 1';
const SCOPE = /\/\*scope event\*\/ 1/g;
const PIDS = '/*scope pids*/ 1';
const ofEvents = (select: string, table: string | undefined): string =>
  table === undefined
    ? select
    : select
        .replace(
          PIDS,
          () => `(cluster, node, pid) IN (SELECT cluster, node, pid FROM auditd WHERE ${attributedOf(table)})`,
        )
        .replaceAll(SCOPE, () => attributedOf(table));
const attributedOf = (table: string): string =>
  `(cluster, node, time, serial) IN (SELECT cluster, node, time, serial FROM ${table})`;
/** Of rows in table events, by its key. */
const shownOf = (table: string): string =>
  `layer = 'auditd' AND (cluster, time) IN (SELECT cluster, toDateTime64(time, 9, 'UTC') FROM ${table})
   AND (cluster, node, time, toUInt64OrZero(extract(event_id, '\\\\d+$'))) IN (SELECT cluster, node, toDateTime64(time, 9, 'UTC'), serial FROM ${table})`;
