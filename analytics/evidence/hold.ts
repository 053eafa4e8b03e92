// Holds: records that must stay whatever the retention says, with who asked and why. A hold copies its records at once.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { recordCustody } from '../queries/custody.ts';
import type { Params, Store } from '../store/store.ts';
import containerDigests from './container-digests.sql';
import { keepHold } from './keep.ts';

export type HoldSubject =
  | { kind: 'chain'; id: string }
  | { kind: 'container' | 'dossier'; cluster: string; node: string; container_id: string; pod_uid: string }
  | { kind: 'record'; digest: string };

export interface By {
  actor: string;
  now: () => Date;
}

const Hold = z.object({
  id: z.string(),
  kind: z.string(),
  subject: z.string(),
  cluster: z.string(),
  records: z.number(),
  held_at: z.string(),
  reason: z.string(),
});
export type Hold = z.infer<typeof Hold>;

/** Undefined: the subject has no records. Holding the same subject again adds what it has won since. */
export async function placeHold(store: Store, subject: HoldSubject, reason: string, by: By): Promise<Hold | undefined> {
  const name =
    subject.kind === 'chain' ? subject.id : subject.kind === 'record' ? subject.digest : subject.container_id;
  const hold = `${subject.kind}-${createHash('sha256').update(name).digest('hex').slice(0, 12)}`;
  const at = by.now();
  const { sql, params } = digestsOf(subject);
  await store.run(
    `INSERT INTO holds (cluster, hold_id, kind, subject, digest, held_at, reason, version)
     SELECT cluster, {hold:String}, {kind:String}, {subject:String}, digest, parseDateTime64BestEffort({at:String}, 6, 'UTC'), {reason:String},
       (SELECT max(version) + 1 FROM holds WHERE hold_id = {hold:String})
     FROM (${sql})
     WHERE digest IN (SELECT digest FROM records UNION ALL SELECT digest FROM records_kept)`,
    { ...params, hold, kind: subject.kind, subject: name, at: at.toISOString(), reason },
  );
  await keepHold(store, hold);
  const [placed] = await listHolds(store, hold);
  if (!placed) return undefined;
  await recordCustody(store, {
    at,
    actor: by.actor,
    action: 'hold',
    subject: name,
    detail: `${hold}: ${placed.records} records; ${reason}`,
  });
  return placed;
}

function digestsOf(subject: HoldSubject): { sql: string; params: Params } {
  if (subject.kind === 'chain') {
    return {
      sql: 'SELECT DISTINCT cluster, digest FROM chain_members FINAL WHERE chain_id = {id:String}',
      params: { id: subject.id },
    };
  }
  if (subject.kind === 'record') {
    const sql = 'SELECT DISTINCT cluster, digest FROM records_all WHERE digest = unhex({digest:String})';
    return { sql, params: { digest: subject.digest } };
  }
  const { cluster, node, container_id: container, pod_uid } = subject;
  return { sql: containerDigests, params: { cluster, node, container, pod_uid } };
}

/** False: there is no such hold. Its records stay kept; only the reason to keep them ends. */
export async function releaseHold(store: Store, hold: string, by: By): Promise<boolean> {
  const [found] = await listHolds(store, hold);
  if (!found) return false;
  await store.run(
    `INSERT INTO holds SELECT * REPLACE (version + 1 AS version, 1 AS is_deleted) FROM holds FINAL WHERE hold_id = {hold:String}`,
    { hold },
  );
  const detail = `${hold}: ${found.records} records`;
  await recordCustody(store, { at: by.now(), actor: by.actor, action: 'release', subject: found.subject, detail });
  return true;
}

export async function listHolds(store: Store, hold = ''): Promise<Hold[]> {
  const rows = await store.rows(
    `SELECT hold_id AS id, any(h.kind) AS kind, any(h.subject) AS subject, arrayStringConcat(arraySort(groupUniqArray(h.cluster)), ', ') AS cluster,
       uniqExact(h.digest) AS records, min(h.held_at) AS held_at, argMax(h.reason, h.held_at) AS reason
     FROM holds AS h FINAL WHERE {hold:String} = '' OR hold_id = {hold:String} GROUP BY hold_id ORDER BY min(h.held_at), hold_id`,
    { hold },
    'write',
  );
  return z.array(Hold).parse(rows);
}
