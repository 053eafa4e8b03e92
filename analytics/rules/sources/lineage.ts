// What the joined layers know of an auditd event: its process, that one's parent, the container, the exec session.
// Shared by the log sources over auditd. All of it is empty before entities are known; rules then run again.
import type { Field, Sight } from '../compile/compile.ts';
import { few, flag, many, number, ofFew, one } from './source.ts';

export const LINEAGE = 'lineage';

export const lineageFields: Record<string, Field> = {
  'vestige.in_container': flag('in_container', LINEAGE),
  'vestige.container_id': one('container_id', LINEAGE),
  'vestige.container_name': one('c.container_name', LINEAGE),
  'vestige.container_privileged': flag('c.privileged', LINEAGE),
  'vestige.container_args': one("arrayStringConcat(c.args, ' ')", LINEAGE),
  'vestige.capabilities': many('c.capabilities', LINEAGE),
  'vestige.mount_sources': many('c.host_sources', LINEAGE),
  'vestige.image': one('c.image', LINEAGE),
  'vestige.namespace': one('c.namespace', LINEAGE),
  'vestige.pod': one('c.pod', LINEAGE),
  'vestige.workload_kind': one('c.workload_kind', LINEAGE),
  'vestige.workload_name': one('c.workload_name', LINEAGE),
  'vestige.parent_comm': one('pp.comm', LINEAGE),
  'vestige.parent_exe': one('pp.exe', LINEAGE),
  'vestige.parent_command': one("arrayStringConcat(pp.argv, ' ')", LINEAGE),
  'vestige.process_command': one("arrayStringConcat(p.argv, ' ')", LINEAGE),
  'vestige.session': flag('in_session', LINEAGE),
  'vestige.parent_uid': number("if(pp.process_key = '', -1, pp.uid)", LINEAGE),
  'vestige.process_key': one('t.process_key', LINEAGE),
  'vestige.parent_key': one('p.parent_key', LINEAGE),
  'vestige.login': ofFew(flag('a.auid >= 0')),
  'vestige.node': few('a.node'),
};

/** What an event tells of them by itself. */
export const seeLineage: Sight = (name) => {
  // of runc's own steps it is false; of others it may be either
  if (name === 'vestige.in_container') return { fields: [ofFew(flag(`NOT ${OF_RUNC}`)), few("'false'")], whole: false };
  const field = lineageFields[name ?? ''];
  return field && field.join === undefined ? { fields: [field], whole: true } : undefined;
};

const OF_RUNC = "startsWith(a.comm, 'runc')";

// The process itself, its parent or its parent's parent was started by an exec request.
export const startedByExec = (cluster: string, key: string) =>
  `(${cluster}, ${key}) IN (SELECT cluster, process_key FROM sessions FINAL WHERE kind IN ('exec', 'debug', 'runtime-exec') AND process_key != '')`;
const ofSession = (key: string) => startedByExec('a.cluster', key);

/** Columns of a row; `a` is the auditd event. runc's own steps are not the container's doing. */
export const lineageColumns = `
    t.process_key AS process_key,
    t.container_id AS container_id,
    c.namespace AS namespace,
    c.pod AS pod,
    c.pod_uid AS pod_uid,
    t.container_id != '' AND NOT p.setup AND NOT ${OF_RUNC} AS in_container,
    p.process_key != '' AND (${['p.process_key', 'p.parent_key', 'pp.parent_key'].map(ofSession).join(' OR ')}) AS in_session`;

/** `s`, the source of a mount, is one that the kubelet and the runtime make for every container: not the host's files. */
export const OWN_MOUNT = `(startsWith(s, '/var/lib/kubelet/pods/') OR startsWith(s, '/run/containerd/') OR startsWith(s, '/var/lib/containerd/')
          OR startsWith(s, '/var/lib/docker/containers/') OR match(s, '^/(var/)?(run|lib)/containers/storage/overlay-containers/')
          OR match(s, '/pods/[0-9a-f-]{36}/(volumes|containers|volume-subpaths|etc-hosts)'))`;

/** What is joined: all that rules over auditd see of entities (run/seen-auditd.ts). */
export const LINEAGE_TABLES = {
  attributions: 'SELECT cluster, node, time, serial, process_key, container_id FROM attributions FINAL',
  processes: 'SELECT cluster, node, process_key, parent_key, exe, comm, argv, uid, setup FROM processes FINAL',
  containers: `SELECT cluster, node, container_id, container_name, namespace, pod, pod_uid, image, args, privileged, capabilities, workload_kind, workload_name,
        arrayFilter((s, d) -> NOT ${OWN_MOUNT}, mount_sources, mount_targets) AS host_sources,
        arrayFilter((d, s) -> NOT ${OWN_MOUNT}, mount_targets, mount_sources) AS host_targets
    FROM (SELECT * FROM containers FINAL) AS ct
    LEFT JOIN (SELECT cluster, pod_uid, workload_kind, workload_name FROM pods FINAL WHERE pod_uid != '') AS w USING (cluster, pod_uid)`,
} as const;

/** @param within only events for which it holds, @param among only these (RowOptions): of few events, few processes are looked up */
export function lineageJoins(within: string, among?: string, isFew = false): string {
  const { attributions, processes, containers } = LINEAGE_TABLES;
  const isScoped = within !== '1' || isFew;
  const ofEvents = `SELECT cluster, node, process_key FROM attributions FINAL ${serialsAmong(isFew ? among : undefined)} WHERE ${within}`;
  const some = isScoped ? `${processes} WHERE (cluster, node, process_key) IN (${ofEvents})` : processes;
  const ofThese = `SELECT cluster, node, parent_key FROM processes FINAL WHERE (cluster, node, process_key) IN (${ofEvents})`;
  const parents = isScoped ? `${processes} WHERE (cluster, node, process_key) IN (${ofThese})` : processes;
  // each row has one at most: the engine need not copy rows for it
  return `
LEFT ANY JOIN (${attributions} ${serialsAmong(among)} WHERE ${within}) AS t
ON t.cluster = a.cluster AND t.node = a.node AND t.time = a.time AND t.serial = a.serial
LEFT ANY JOIN (${some}) AS p ON p.cluster = t.cluster AND p.node = t.node AND p.process_key = t.process_key
LEFT ANY JOIN (${parents}) AS pp ON pp.cluster = p.cluster AND pp.node = p.node AND pp.process_key = p.parent_key
LEFT ANY JOIN
(
    ${containers}
) AS c ON c.cluster = t.cluster AND c.node = t.node AND c.container_id = t.container_id`;
}

/** Paths as the container sees them (SQL, an array) to the host's paths they stand for, where a mount of the host holds them. */
export const hostPaths = (paths: string) => `arrayDistinct(arrayFilter(h -> h != '', arrayMap(f ->
    arrayFirst(h -> h != '', arrayMap((s, d) -> if(startsWith(concat(f, '/'), concat(trimRight(d, '/'), '/')),
        if(f = d, s, concat(trimRight(s, '/'), substring(f, length(trimRight(d, '/')) + 1))), ''), c.host_sources, c.host_targets)), if(empty(c.host_sources), emptyArrayString(), ${paths}))))`;

/** `seconds.millis:serial`, as the records themselves name the event. */
export const eventKey = `concat(toString(toUnixTimestamp(time)), '.', leftPad(toString(toUnixTimestamp64Milli(time) % 1000), 3, '0'), ':', toString(serial))`;

const FEW =
  `node record_types arch syscall syscall_name success arg_names auid uid gid euid egid ses comm exe keys path_types op acct oversized`.split(
    ' ',
  );

/** How events of auditd are named. */
export const EVENTS = {
  table: 'auditd',
  alias: 'a',
  key: ['cluster', 'node', 'time', 'serial', 'odd_key'],
  eventKey,
  few: FEW,
} as const;

// By serial, which the table is sorted by, rows are left unread; the whole key of each row would cost more.
const serialsAmong = (among: string | undefined) =>
  among === undefined ? '' : `PREWHERE serial IN (SELECT serial FROM (${among}))`;

/** What follows FROM auditd FINAL, for RowOptions. */
export const whereOf = (within: string, among: string | undefined): string => `${serialsAmong(among)} WHERE ${within}`;

export const EVENT_COLUMNS = `a.cluster AS cluster, a.node AS node, a.time AS time, a.event_key AS event_key, a.event_key AS event_id,
    a.digests AS digests, '' AS principal`;

/** Words that every sentence over auditd may use. */
export const lineageWords = `'pod', if(c.pod = '', '', concat(c.namespace, '/', c.pod)), 'container', c.container_name,
        'image', c.image, 'parent', if(pp.comm = '', pp.exe, pp.comm), 'node', a.node,
        'place', multiIf(c.pod != '', concat('in pod ', c.namespace, '/', c.pod), t.container_id != '', concat('in container ', substring(t.container_id, 1, 12)), concat('on node ', a.node)),
        'user', if(a.uid = 0, 'root', concat('uid ', toString(a.uid))), 'comm', a.comm, 'exe', a.exe`;
