// Entities: who was that. Pods, containers, processes, sessions and principals with their lifetimes, every auditd event attributed,
// and the three layers put on one axis. The content is a pure function of the typed tables, made anew from them, or as far as new records
// change it (touched.ts); both come to the same.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { writeChanged } from '../store/changed.ts';
import { type Put, putAnew } from '../store/derived.ts';
import { withScratchTable } from '../store/scratch.ts';
import { skipEmpty } from '../store/skip-empty.ts';
import type { Store } from '../store/store.ts';
import {
  buildCallers,
  buildPodsAndPrincipals,
  CONTEXT_LABELS,
  type ContextLabels,
  type Fill,
} from './actors/actors.ts';
import { fillContainers } from './containers/fill-containers.ts';
import eventsAuditd from './events/events-auditd.sql';
import eventsK8s from './events/events-k8s.sql';
import eventsRuntime from './events/events-runtime.sql';
import { withTouchedEvents } from './events/touched-events.ts';
import { buildGaps } from './gaps/gaps.ts';
import { makeMinutes } from './minutes/minutes.ts';
import attributions from './processes/attributions.sql';
import boots from './processes/boots.sql';
import { fillProcesses, touchLives } from './processes/place-affected.ts';
import { NAMED_PIDS } from './processes/place-processes.ts';
import { buildSessions } from './sessions/build-sessions.ts';
import { ENTITY_SETTINGS } from './settings.ts';
import { type Touched, withTouched } from './touched.ts';

const number = z.coerce.number();

/** Counted up when statements or code of entities come to something else than before from the same records: stores are made anew then. */
const REVISION = 1;

export interface EntityCounts {
  pods: number;
  containers: number;
  processes: number;
  sessions: number;
  events: number;
}

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
  await withTouched(store, version, way, (touched) => build(store, version, labels, touched));
  return countRows(given);
}

async function build(store: Store, version: number, labels: ContextLabels, touched: Touched): Promise<void> {
  const params = {
    version,
    owner_labels: labels.owner,
    team_labels: labels.team,
    sensitivity_labels: labels.sensitivity,
  };
  const put: Put = touched.whole
    ? putAnew(store, version)
    : (table, write, within) => writeChanged(store, table, version, write, within);
  const insert = async (into: string, ...selects: string[]) => {
    for (const select of selects)
      await store.run(
        `INSERT INTO ${into} ${select.replaceAll('{into}', into)} ${ENTITY_SETTINGS}`,
        params,
        'background',
      );
  };
  const fill: Fill = (table, ...selects) => put(table, (into) => insert(into, ...selects));
  await makeMinutes(store, version, touched);
  const livesTable = "(cluster String, node String, container_id String, since DateTime64(3, 'UTC')) ENGINE = Memory";
  await withScratchTable(store, 'touched_lives', livesTable, (lives) =>
    withTouchedEvents(store, touched, async (events) => {
      await put('containers', async (into) => {
        await fillContainers(store, version, into);
        await events.containersMade(into);
        if (!touched.whole) await touchLives(store, lives, into);
      });
      await buildPodsAndPrincipals(fill);
      await fill('boots', boots);
      await fill('named_pids', NAMED_PIDS);
      await fillProcesses(store, version, put, touched.whole ? undefined : lives, events.processesMade);
      const attributed = await events.attributed();
      const within = attributed && attributedOf(attributed);
      await put('attributions', (into) => insert(into, ofEvents(attributions, attributed)), within);
      await buildCallers(store, fill, put, version);
      await buildSessions(store, put, version);
      const described = await events.described();
      if (described === undefined) await fill('events', eventsK8s, eventsRuntime, eventsAuditd);
      else {
        await put('events', (into) => insert(into, eventsK8s, eventsRuntime), "layer != 'auditd'");
        await put('events', (into) => insert(into, ofEvents(eventsAuditd, described)), shownOf(described));
      }
    }),
  );
  await buildGaps(store, put, version, touched);
}

const SCOPE = /\/\*scope event\*\/ 1/g;
const ofEvents = (select: string, table: string | undefined): string =>
  table === undefined ? select : select.replaceAll(SCOPE, () => attributedOf(table));
const attributedOf = (table: string): string =>
  `(cluster, node, time, serial) IN (SELECT cluster, node, time, serial FROM ${table})`;
/** Of rows in table events, by its key. */
const shownOf = (table: string): string =>
  `layer = 'auditd' AND (cluster, time) IN (SELECT cluster, toDateTime64(time, 9, 'UTC') FROM ${table})
   AND (cluster, node, time, toUInt64OrZero(extract(event_id, '\\\\d+$'))) IN (SELECT cluster, node, toDateTime64(time, 9, 'UTC'), serial FROM ${table})`;

async function countRows(store: Store): Promise<EntityCounts> {
  const counts = ['pods', 'containers', 'processes', 'sessions', 'events'].map(
    (table) => `(SELECT count() FROM ${table} FINAL) AS ${table}`,
  );
  const [row] = await store.rows(`SELECT ${counts.join(', ')}`, {}, 'background');
  return z.object({ pods: number, containers: number, processes: number, sessions: number, events: number }).parse(row);
}
