// The processes of every node, one node after the other: their evidence read from the store, placed (processes.ts), written back.
import { z } from 'zod';
import { insertInParts, instant } from '../../store/derived.ts';
import type { Row, Store } from '../../store/store.ts';
import containerPids from '../containers/container-pids.sql';
import trustedCalls from '../minutes/runtime-calls-trusted.sql';
import { ENTITY_SETTINGS } from '../settings.ts';
import type { NodeFacts } from './node-facts.ts';
import type { Node } from './process-table.ts';
import { buildProcesses } from './processes.ts';

const text = z.string();
const place = { cluster: text, node: text };
const number = z.coerce.number();
const flag = z.coerce.boolean();
const texts = z.array(text);
const numbers = z.array(number);

const runRow = z
  .object({
    ...place,
    ...{ pid: number, ppid: number, first_seen: number, first_serial: number, last_seen: number },
    ...{ exe: text, comm: text, argv: texts, first_argv: texts, uid: number, auid: number, ses: number },
    ...{ setup: flag, starts_with_exec: flag, called_for: text, exec_devs: texts, exec_from_disk: flag },
    ...{ exec_digests: texts, first_digest: text, last_digest: text },
    ...{ exits_at: number, exit_status: number, crashed: flag, exit_digest: text },
    ...{ forked_pids: numbers, forked_at: numbers, forked_digests: texts },
    ...{ left_at: numbers, left_by: texts, left_path: texts, left_digest: texts },
    ...{ cgroup_ids: texts, cgroups: texts, on_host: flag },
  })
  .transform(({ left_at, left_by, left_path, left_digest, ...run }) => ({
    ...run,
    leave_calls: left_at.map((at, i) => ({
      ...{ at, call: left_by[i] ?? '', path: left_path[i] ?? '', digest: left_digest[i] ?? '' },
    })),
  }));
const pidRow = z.object({
  ...place,
  ...{ container_id: text, exec_id: text, pid: number, started_at: number, ended_at: number, exit_status: number },
});
const lifeRow = z.object({
  ...place,
  container_id: text,
  begins_at: number,
  ends_at: number,
  host_mounts: texts,
  sandbox_id: text,
});
const callRow = z.object({ ...place, at: number, pid: number, ppid: number, verb: text, container_id: text });
const heardRow = z.object({ ...place, until: number });
const deviceRow = z.object({ ...place, dev: text, container_id: text });
const bootRow = z.object({ ...place, name: text, began_at: number, digest: text });

const runsOf = (where: string): string => `
  SELECT cluster, node, pid, ppid, toUnixTimestamp64Milli(first_seen) AS first_seen, first_serial, toUnixTimestamp64Milli(last_seen) AS last_seen,
         exe, comm, argv, first_argv, uid, auid, ses, setup, starts_with_exec, called_for, exec_devs, exec_from_disk,
         arrayMap(d -> lower(hex(d)), exec_digests) AS exec_digests, lower(hex(first_digest)) AS first_digest, lower(hex(last_digest)) AS last_digest,
         toUnixTimestamp64Milli(exits_at) AS exits_at, exit_status, crashed, lower(hex(exit_digest)) AS exit_digest,
         forks.child AS forked_pids, arrayMap(t -> toUnixTimestamp64Milli(t), forks.at) AS forked_at, arrayMap(d -> lower(hex(d)), forks.digest) AS forked_digests,
         arrayMap(t -> toUnixTimestamp64Milli(t), leaves.at) AS left_at, leaves.call AS left_by, leaves.path AS left_path,
         arrayMap(d -> lower(hex(d)), leaves.digest) AS left_digest, cgroup_ids, cgroups, on_host
  FROM process_runs FINAL
  WHERE cluster = {cluster:String} AND node = {node:String} AND ${where}
  ORDER BY process_runs.first_seen, first_serial`;
// what the kubelet and the runtime make for a container alone shows nothing of the host
export const livesIn = (table: string): string => `
  SELECT cluster, node, container_id,
         toUnixTimestamp64Milli(if(created_at > 0, created_at, started_at)) AS begins_at,
         -- a whole second is the API's, and has begun before the end
         toUnixTimestamp64Milli(ended_at) + if(toUnixTimestamp64Nano(ended_at) % 1000000000 = 0 AND ended_at > 0, 999, 0) AS ends_at, sandbox_id,
         arrayFilter((target, source) -> NOT match(source, '^(/var/lib/kubelet/pods/|/run/containerd/|/var/lib/containerd/|/var/lib/docker/|/var/lib/containers/)'),
                     mount_targets, arrayResize(mount_sources, length(mount_targets))) AS host_mounts
  FROM ${table} FINAL`;
const DEVICES = 'SELECT DISTINCT cluster, node, dev, container_id FROM rootfs_devices FINAL ORDER BY ALL';
const CALLS_SCOPE = '/*scope calls*/ 1';
const BOOTS =
  'SELECT cluster, node, boot AS name, toUnixTimestamp64Milli(began_at) AS began_at, lower(hex(digest)) AS digest FROM boots FINAL ORDER BY began_at';
const HEARD =
  "SELECT cluster, node, toUnixTimestamp64Milli(max(time)) AS until FROM runtime WHERE startsWith(topic, '/') GROUP BY cluster, node";
const NODES = 'SELECT DISTINCT cluster, node FROM process_runs';

export async function read<T>(
  store: Store,
  sql: string,
  row: z.ZodType<T>,
  parameters: Record<string, unknown> = {},
): Promise<T[]> {
  return z.array(row).parse(await store.rows(`${sql} ${ENTITY_SETTINGS}`, parameters, 'background'));
}

const NAMED =
  'SELECT cluster, node, container_id, exec_id, pid, started_at, ended_at, exit_status FROM named_pids FINAL';

/** Table named_pids, which placing reads. */
export const NAMED_PIDS = `SELECT *, {version:UInt64} AS version, 0 AS is_deleted FROM (${containerPids})`;

/** Statements that processes are made by. */
export const PROCESSES_READ = [NAMED, livesIn('containers'), DEVICES, BOOTS, trustedCalls, HEARD, NODES];

/** @param pids table of those whose processes are asked for; all when left out */
export async function* placed(store: Store, pids?: string, facts?: readonly NodeFacts[]): AsyncGenerator<Node[]> {
  const among = (column: string) =>
    pids === undefined ? '1' : `(cluster, node, ${column}) IN (SELECT cluster, node, pid FROM ${pids})`;
  const calls = trustedCalls.replace(CALLS_SCOPE, () => `(${among('pid')} OR ${among('ppid')})`);
  const [named, containers, devices, boots, called, heard] = await Promise.all([
    read(store, `${NAMED} WHERE ${among('pid')} ORDER BY started_at, container_id, exec_id, pid`, pidRow),
    read(store, livesIn('containers'), lifeRow),
    read(store, DEVICES, deviceRow),
    read(store, BOOTS, bootRow),
    read(store, `${calls} ORDER BY time, serial`, callRow),
    read(store, HEARD, heardRow),
  ]);
  const evidence = {
    pids: named,
    containers,
    devices,
    boots,
    calls: called,
    heard,
    ...(facts === undefined ? {} : { facts }),
  };
  for (const at of await read(store, NODES, z.object(place)))
    yield buildProcesses({ ...evidence, runs: await read(store, runsOf(among('pid')), runRow, at) });
}

/** Makes all processes anew. */
export async function placeProcesses(store: Store, version: number, into = 'processes'): Promise<void> {
  for await (const nodes of placed(store)) await insertInParts(store, into, rowsOf(nodes, version));
}

export function* rowsOf(nodes: readonly Node[], version: number): Generator<Row> {
  for (const node of nodes) yield processRow(node, version);
}

function processRow(p: Node, version: number): Row {
  return {
    cluster: p.cluster,
    node: p.node,
    boot: p.boot,
    process_key: p.process_key,
    pid: p.pid,
    ppid: p.ppid,
    parent_key: p.parent_key,
    first_seen: instant(p.first_seen),
    last_seen: instant(p.last_seen),
    seen: p.seen,
    ended_at: instant(p.ended_at),
    ended_by: p.ended_by,
    exit_status: p.exit_status,
    exe: p.exe,
    comm: p.comm,
    argv: p.argv,
    first_argv: p.first_argv,
    uid: p.uid,
    auid: p.auid,
    ses: p.ses,
    container_id: p.container_id,
    method: p.method,
    confidence: p.confidence,
    left_by: p.left_by,
    left_at: instant(p.left_at),
    setup: p.setup,
    exec_devs: p.exec_devs,
    exec_from_disk: p.exec_from_disk,
    exec_id: p.exec_id,
    digests_hex: p.exec_digests,
    begin_hex: p.begin_digest,
    end_hex: p.end_digest,
    left_hex: p.left_digest,
    version,
  };
}
