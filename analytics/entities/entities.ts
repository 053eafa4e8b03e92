// Entities: who was that. Pods, containers, processes, sessions and principals with their lifetimes, every auditd event attributed,
// and the three layers put on one axis. Everything is made anew from the typed tables; the content is a pure function of them.
import { z } from 'zod';
import { type DerivedTable, forgetOlder } from '../store/derived.ts';
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
import { buildGaps } from './gaps/gaps.ts';
import { refreshMinutes } from './minutes/minutes.ts';
import attributions from './processes/attributions.sql';
import boots from './processes/boots.sql';
import { placeProcesses } from './processes/place-processes.ts';
import { buildSessions } from './sessions/build-sessions.ts';
import { ENTITY_SETTINGS } from './settings.ts';

const number = z.coerce.number();

export interface EntityCounts {
  pods: number;
  containers: number;
  processes: number;
  sessions: number;
  events: number;
}

/**
 * Makes all entities anew with `version`, and marks as gone what this run no longer finds.
 * @param spare leaves out statements that can only come out empty
 */
export async function buildEntities(
  given: Store,
  version: number,
  labels: ContextLabels = CONTEXT_LABELS,
  spare: (store: Store) => Promise<Store> = skipEmpty,
): Promise<EntityCounts> {
  const store = await spare(given);
  const forget = (table: DerivedTable) => forgetOlder(store, table, version);
  const params = {
    version,
    owner_labels: labels.owner,
    team_labels: labels.team,
    sensitivity_labels: labels.sensitivity,
  };
  // what a run no longer finds goes at once: the next table is made of what is left
  const fill: Fill = async (table, ...selects) => {
    for (const select of selects)
      await store.run(`INSERT INTO ${table} ${select} ${ENTITY_SETTINGS}`, params, 'background');
    await forget(table);
  };
  await refreshMinutes(store, version);
  await fillContainers(store, version);
  await forget('containers');
  await buildPodsAndPrincipals(fill);
  await fill('boots', boots);
  await placeProcesses(store, version);
  await forget('processes');
  await fill('attributions', attributions);
  await buildCallers(store, fill, version);
  await forget('token_uses');
  const sessions = await buildSessions(store, version);
  for (const table of ['sessions', 'session_processes', 'clock_offsets'] as const) await forget(table);
  await fill('events', eventsK8s, eventsRuntime, eventsAuditd);
  await buildGaps(store, version);
  return { sessions, ...(await countRows(given, version)) };
}

/** Of one run: each row was written once, which is far cheaper to count than what is left of all runs. */
async function countRows(store: Store, version: number): Promise<Omit<EntityCounts, 'sessions'>> {
  const counts = ['pods', 'containers', 'processes', 'events'].map(
    (table) => `(SELECT count() FROM ${table} WHERE version = {version:UInt64} AND is_deleted = 0) AS ${table}`,
  );
  const [row] = await store.rows(`SELECT ${counts.join(', ')}`, { version }, 'background');
  return z.object({ pods: number, containers: number, processes: number, events: number }).parse(row);
}
