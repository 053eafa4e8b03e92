// Entities: who was that. Pods, containers, processes, sessions and principals with their lifetimes, every auditd event attributed,
// and the three layers put on one axis. Everything is made anew from the typed tables; the content is a pure function of them.
import { z } from 'zod';
import { type DerivedTable, forgetOlder, insertInParts } from '../store/derived.ts';
import type { Row, Store } from '../store/store.ts';
import { buildCallers, buildPodsAndPrincipals, CONTEXT_LABELS, type ContextLabels, type Fill } from './actors.ts';
import attributions from './attributions.sql';
import boots from './boots.sql';
import containers from './containers.sql';
import eventsAuditd from './events-auditd.sql';
import eventsK8s from './events-k8s.sql';
import eventsRuntime from './events-runtime.sql';
import gapsOfCollectors from './gaps-of-collectors.sql';
import { placeProcesses, readPids } from './place-processes.ts';
import rootfsDevices from './rootfs-devices.sql';
import runs from './runs.sql';
import runtimeCalls from './runtime-calls.sql';
import sessionsSql from './sessions.sql';
import { joinSessions, type Session } from './sessions.ts';

const text = z.string();
const number = z.coerce.number();
const texts = z.array(text);

const requestRow = z.object({
  cluster: text,
  audit_id: text,
  kind: text,
  principal: text,
  source_ips: texts,
  user_agent: text,
  namespace: text,
  pod: text,
  command: texts,
  requested_at: number,
  completed_at: number,
  code: number,
  digests: texts,
  container_id: text,
  pod_uid: text,
  node: text,
});

const containersOfAll = containers
  .replace('{runtime_calls}', () => runtimeCalls)
  .replace('{rootfs_devices}', () => rootfsDevices);

// A column and what is made of it may share a name: inside expressions the name means the column.
// What looks for conditions that repeat themselves finds none, and takes longer than all else that prepares a long statement (pods.sql: half).
const SETTINGS = `SETTINGS prefer_column_name_to_alias = 1, optimize_extract_common_expressions = 0, optimize_and_compare_chain = 0,
  optimize_redundant_comparisons = 0`;

export interface EntityCounts {
  pods: number;
  containers: number;
  processes: number;
  sessions: number;
  events: number;
}

/** Makes all entities anew with `version`, and marks as gone what this run no longer finds. */
export async function buildEntities(
  store: Store,
  version: number,
  labels: ContextLabels = CONTEXT_LABELS,
): Promise<EntityCounts> {
  const forget = (table: DerivedTable) => forgetOlder(store, table, version);
  const params = {
    version,
    owner_labels: labels.owner,
    team_labels: labels.team,
    sensitivity_labels: labels.sensitivity,
  };
  // what a run no longer finds goes at once: the next table is made of what is left
  const fill: Fill = async (table, ...selects) => {
    for (const select of selects) await store.run(`INSERT INTO ${table} ${select} ${SETTINGS}`, params, 'background');
    await forget(table);
  };
  await fill('containers', containersOfAll);
  await buildPodsAndPrincipals(fill);
  await fill('boots', boots);
  await fill('process_runs', runs);
  const processes = await placeProcesses(store, version);
  await forget('processes');
  const joined = joinSessions(
    z.array(requestRow).parse(await store.rows(`${sessionsSql} ${SETTINGS}`, {}, 'background')),
    await readPids(store),
    processes,
  );
  await insertInParts(
    store,
    'sessions',
    joined.map((s) => sessionRow(s, version)),
  );
  await forget('sessions');
  await fill('attributions', attributions);
  await buildCallers(store, fill, version);
  await forget('token_uses');
  await fill('events', eventsK8s, eventsRuntime, eventsAuditd);
  await fill('gaps', gapsOfCollectors);
  return { sessions: joined.length, ...(await countRows(store, version)) };
}

const instant = (ms: number) => new Date(ms).toISOString().replace('Z', '');

function sessionRow(s: Session, version: number): Row {
  return {
    cluster: s.cluster,
    session_id: s.audit_id,
    kind: s.kind,
    principal: s.principal,
    source_ip: s.source_ips[0] ?? '',
    user_agent: s.user_agent,
    namespace: s.namespace,
    pod: s.pod,
    pod_uid: s.pod_uid,
    container_id: s.container_id,
    command: s.command,
    node: s.node,
    exec_id: s.exec_id,
    pid: s.pid,
    process_key: s.process_key,
    requested_at: instant(s.requested_at),
    started_at: instant(s.started_at),
    ended_at: instant(s.ended_at),
    confidence: s.confidence,
    digests_hex: s.digests,
    version,
  };
}

/** Of one run: each row was written once, which is far cheaper to count than what is left of all runs. */
async function countRows(store: Store, version: number): Promise<Omit<EntityCounts, 'sessions'>> {
  const counts = ['pods', 'containers', 'processes', 'events'].map(
    (table) => `(SELECT count() FROM ${table} WHERE version = {version:UInt64} AND is_deleted = 0) AS ${table}`,
  );
  const [row] = await store.rows(`SELECT ${counts.join(', ')}`, { version }, 'background');
  return z.object({ pods: number, containers: number, processes: number, events: number }).parse(row);
}
