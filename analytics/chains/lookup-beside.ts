// More questions of growth: about what comes into pods beside their own makers (webhooks, the kubelet's port) and who spoke with an address.
import { z } from 'zod';
import { number, PROCESS, processRow, REQUEST, requestRow, text } from './facts.ts';

type Ask = <T>(
  row: z.ZodType<T>,
  sql: string,
  params: Record<string, unknown>,
  keys: readonly unknown[],
) => Promise<T[]>;

const peerRow = z.object({ node: text, key: text, addr: text, time: number, digest: text });
const patchedRow = z.object({ pod_uid: text, time: number, digest: text, patches: z.array(text) });
/** A pod as it was created, with what admission webhooks changed of it. */
export type PatchedPod = z.infer<typeof patchedRow>;

const PATCHES = `mapValues(mapFilter((k, v) -> startsWith(k, 'patch.webhook.admission.k8s.io/'), annotations))`;
/** @param which a condition on the columns of k8s_audit */
const patched = (which: string) => `
  SELECT object_uid AS pod_uid, toUnixTimestamp64Milli(time) AS time, lower(hex(digest)) AS digest, ${PATCHES} AS patches
  FROM k8s_audit FINAL
  WHERE cluster = {cluster:String} AND resource = 'pods' AND subresource = '' AND verb = 'create' AND code BETWEEN 100 AND 399 AND object_uid != ''
    AND ${which} AND notEmpty(patches)
  ORDER BY time, pod_uid`;

/** @param events a table of chain-events.sql */
export const besideLookup = (ask: Ask, events: string) => ({
  /** Pods among these that a webhook changed when they were created. */
  patchedPods: (uids: readonly string[]) =>
    ask(patchedRow, patched('object_uid IN {uids:Array(String)}'), { uids }, uids),
  /** Pods that a webhook of one of these configurations changed when they were created. */
  podsPatchedBy: (configurations: readonly string[]) =>
    ask(
      patchedRow,
      patched(
        `arrayExists(v -> JSONExtractString(v, 'configuration') IN {configurations:Array(String)}, mapValues(annotations))`,
      ),
      { configurations },
      configurations,
    ),
  /** Requests that made or changed these configurations of mutating webhooks. */
  webhookWrites: (configurations: readonly string[]) =>
    ask(
      requestRow,
      REQUEST(
        `resource = 'mutatingwebhookconfigurations' AND name IN {configurations:Array(String)} AND verb IN ('create', 'update', 'patch') AND code < 400`,
      ),
      { configurations },
      configurations,
    ),
  /** Requests with a token bound to these pods, of which no address is known but that they have their own. */
  tokensOfUnplacedPods: (podUids: readonly string[]) =>
    ask(
      requestRow,
      REQUEST(`user_pod_uid IN {podUids:Array(String)} AND user_pod_uid IN
        (SELECT pod_uid FROM pods FINAL WHERE cluster = {cluster:String} AND NOT host_network AND empty(ips))`),
      { podUids },
      podUids,
    ),
  /** Of the processes, those that another pod of the same workload ran before, in the container of the same name, word for word. */
  ranBefore: async (keys: readonly string[]) => {
    const placed = `SELECT c.container_id AS id, c.container_name AS name, c.pod_uid AS pod_uid, w.workload AS workload
      FROM (SELECT container_id, container_name, pod_uid FROM containers FINAL WHERE cluster = {cluster:String} AND kind != 'sandbox') AS c
      INNER JOIN (SELECT pod_uid, concat(namespace, '/', workload_kind, '/', workload_name) AS workload FROM pods FINAL
                  WHERE cluster = {cluster:String} AND workload_name != '') AS w ON w.pod_uid = c.pod_uid`;
    const programs = (
      which: string,
    ) => `SELECT p.process_key AS key, p.first_argv AS argv, p.first_seen AS at, c.name AS name, c.pod_uid AS pod_uid, c.workload AS workload
      FROM (SELECT process_key, first_argv, first_seen, container_id FROM processes FINAL
            WHERE cluster = {cluster:String} AND container_id != '' AND notEmpty(first_argv) AND NOT setup AND ${which}) AS p
      INNER JOIN (${placed}) AS c ON c.id = p.container_id`;
    const rows = await ask(
      z.object({ key: text }),
      `SELECT DISTINCT m.key AS key FROM (${programs('process_key IN {keys:Array(String)}')}) AS m
       INNER JOIN (${programs(`first_argv IN (SELECT first_argv FROM processes FINAL WHERE cluster = {cluster:String} AND process_key IN {keys:Array(String)})`)}) AS o
         ON o.workload = m.workload AND o.name = m.name AND o.argv = m.argv
       WHERE o.pod_uid != m.pod_uid AND o.at < m.at ORDER BY key`,
      { keys },
      keys,
    );
    return new Set(rows.map((r) => r.key));
  },
  /** Every process that connected to these addresses, by its first connection to each. */
  connectedTo: (addresses: readonly string[]) =>
    ask(
      peerRow,
      `SELECT node, process_key AS key, extract(object, '^\\\\[?([0-9a-fA-F.:]+?)\\\\]?:\\\\d+$') AS addr, toUnixTimestamp64Milli(min(time)) AS time,
              lower(hex(argMin(digest, (time, event_id)))) AS digest
       FROM ${events} WHERE cluster = {cluster:String} AND layer = 'auditd' AND action = 'connect' AND process_key != '' AND addr IN {addresses:Array(String)}
       GROUP BY node, key, addr ORDER BY min(time), node, key`,
      { addresses },
      addresses,
    ),
  /** Who in a container connected to a kubelet's own port within `within` ms before one of the times. */
  kubeletPeers: (times: readonly number[], within: number) =>
    ask(
      peerRow,
      `SELECT node, process_key AS key, object AS addr, toUnixTimestamp64Milli(time) AS time, lower(hex(digest)) AS digest
       FROM ${events} WHERE cluster = {cluster:String} AND layer = 'auditd' AND action = 'connect' AND endsWith(object, ':10250') AND process_key != '' AND container_id != ''
         AND arrayExists(t -> toUnixTimestamp64Milli(time) BETWEEN t - {within:Int64} AND t, {times:Array(Int64)})
       ORDER BY time, node, event_id`,
      { times: [...new Set(times)], within },
      times,
    ),
  /** First processes of commands that the runtime was asked to run in a container within `within` ms after one of the times. */
  execsAfter: (times: readonly number[], within: number) =>
    ask(
      processRow,
      `${PROCESS} WHERE cluster = {cluster:String} AND container_id != '' AND exec_id != ''
         AND arrayExists(t -> toUnixTimestamp64Milli(first_seen) BETWEEN t AND t + {within:Int64}, {times:Array(Int64)})
       ORDER BY first_seen, node, key`,
      { times: [...new Set(times)], within },
      times,
    ),
});
