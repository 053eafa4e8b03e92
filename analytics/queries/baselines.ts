// What is normal for a subject (a workload, a program of nodes, a principal): its facts with their state, what was new, what analysts decided.
import { z } from 'zod';
import { HALF_LIFE_DAYS, LEARNING_HOURS } from '../baselines/baselines.ts';
import type { Store } from '../store/store.ts';
import { time } from './actor-rows.ts';
import { likePattern } from './event-filter.ts';

export const SUBJECT_KINDS = ['workload', 'session', 'image', 'node', 'principal'] as const;
export const FACT_KINDS = [
  ...['exec', 'spawn', 'peer', 'socket', 'listen', 'write', 'syscall'],
  ...['api', 'api-refused', 'api-namespace', 'address', 'agent', 'image', 'image-version'],
] as const;

const moment = z.string().nullable();
const Subject = z.object({
  cluster: z.string(),
  subject: z.string(),
  subject_kind: z.enum(SUBJECT_KINDS),
  watched_since: moment,
  last_seen: moment,
  /** From when on what is new is told, of the first kind of fact for which it is. */
  learned_from: moment,
  /** Whether the cluster's records go on until then. */
  learned: z.boolean(),
  /** Of facts: all, those that are learned or being learned, that were new once, that rules call bad, that analysts decided. */
  counts: z.object({
    facts: z.number(),
    known: z.number(),
    new: z.number(),
    kept_out: z.number(),
    pinned: z.number(),
    rejected: z.number(),
  }),
  /** Of what is known and decided: another baseline has another. */
  fingerprint: z.string(),
});
export type Subject = z.infer<typeof Subject>;

export interface SubjectQuery {
  /** A subject, the name of a workload or principal, or its beginning; * stands for any text. Not given: all. */
  name?: string | undefined;
  subjectKind?: string | undefined;
  cluster?: string | undefined;
  limit: number;
}

// the whole, a name without the sort before it, a beginning, any part of the path
const SUBJECTS = `
  SELECT b.cluster AS cluster, toString(b.subject) AS subject, any(b.subject_kind) AS subject_kind,
    ${time('min(b.subject_since)', 'watched_since')}, ${time('max(b.last_seen)', 'last_seen')}, ${time('min(b.learned_from)', 'learned_from')},
    countIf(b.state IN ('learned', 'forgotten')) > 0 OR min(b.learned_from) <= any(e.last_hour) AS learned,
    map('facts', count(), 'known', countIf(b.state IN ('learned', 'learning', 'pinned')), 'new', countIf(b.novel_at > 0), 'kept_out', countIf(b.state = 'kept-out'),
      'pinned', countIf(b.state = 'pinned'), 'rejected', countIf(b.state = 'rejected')) AS counts,
    substring(lower(hex(SHA256(arrayStringConcat(arraySort(groupArrayIf(concat(b.kind, ' ', b.value, ' ', if(b.state IN ('pinned', 'rejected'), b.state, '')),
      b.state IN ('learned', 'learning', 'pinned', 'rejected'))), '\\n')))), 1, 12) AS fingerprint,
    -- who says a workload does not mean what people do in it by hand
    2 * any(multiIf({name:String} = '' OR b.subject = {name:String}, 4,
      b.subject IN (concat('principal/', {name:String}), concat('node/', {name:String}), concat('image/', {name:String}), {account:String}), 3,
      startsWith(b.subject, concat({name:String}, '/')), 2, has(splitByChar('/', b.subject), {name:String}), 1, b.subject LIKE {pattern:String}, 0, -1)) + (subject_kind != 'session') AS exact
  FROM (SELECT * FROM baselines FINAL) AS b
  INNER JOIN (SELECT cluster, max(hour) AS last_hour FROM behaviours FINAL GROUP BY cluster) AS e ON b.cluster = e.cluster
  WHERE b.cluster LIKE {cluster:String} AND b.subject_kind LIKE {kind:String}
  GROUP BY cluster, subject
  HAVING exact >= 0
  ORDER BY if({best:Bool}, exact, 0) DESC, subject_kind = 'principal', cluster, subject
  LIMIT {limit:UInt64}`;

/** Subjects that the name fits, workloads first. */
export const listSubjects = (store: Store, query: SubjectQuery): Promise<Subject[]> => read(store, query, false);

/** Those only that the name fits best. */
export const findSubjects = (store: Store, query: SubjectQuery): Promise<Subject[]> => read(store, query, true);

async function read(store: Store, query: SubjectQuery, best: boolean): Promise<Subject[]> {
  const { name = '' } = query;
  const [namespace = '', account = '', ...more] = name.split('/');
  const rows = await store.rows(SUBJECTS, {
    name,
    best,
    account: account !== '' && more.length === 0 ? `principal/system:serviceaccount:${namespace}:${account}` : name,
    pattern: likePattern(name === '' || name.includes('*') ? name || undefined : `${name}*`),
    cluster: likePattern(query.cluster),
    kind: likePattern(query.subjectKind),
    limit: query.limit,
  });
  const least = best ? Math.max(...rows.map((row) => Number(row['exact']))) : 0;
  return rows
    .filter((row) => Number(row['exact']) >= least)
    .map((row) => Subject.parse({ ...row, learned: Boolean(row['learned']) }));
}

const Decision = z.object({
  kind: z.string(),
  value: z.string(),
  decision: z.enum(['pin', 'reject', 'unpin']),
  reason: z.string(),
  decided_by: z.string(),
  decided_at: z.string(),
});
export type Decision = z.infer<typeof Decision>;

const Fact = z.object({
  kind: z.string(),
  value: z.string(),
  state: z.string(),
  weight: z.number(),
  first_seen: moment,
  last_seen: moment,
  hours: z.number(),
  days: z.number(),
  instances: z.number(),
  events: z.number(),
  kept_out: z.number(),
  learned_from: moment,
  novel_at: moment,
  score: z.number(),
  digest: z.string(),
});
export type Fact = z.infer<typeof Fact>;

const Novelty = z.object({
  time: z.string(),
  kind: z.string(),
  value: z.string(),
  reason: z.string(),
  score: z.number(),
  surprise: z.number(),
  rarity: z.number(),
  shown_by: z.number(),
  subjects: z.number(),
  of_rollout: z.boolean(),
  kept_out: z.boolean(),
  layer: z.string(),
  node: z.string(),
  namespace: z.string(),
  pod: z.string(),
  container_id: z.string(),
  principal: z.string(),
  digest: z.string(),
});
export type Novelty = z.infer<typeof Novelty>;

export interface Baseline extends Subject {
  learning_hours: number;
  half_life_days: number;
  facts: Fact[];
  novelties: Novelty[];
  /** Every decision, the last first. */
  decisions: Decision[];
}

const OF = 'cluster = {cluster:String} AND subject = {subject:String} AND kind LIKE {kind:String}';
const FACTS = `
  SELECT toString(kind) AS kind, value, toString(state) AS state, round(weight, 2) AS weight, ${time('b.first_seen', 'first_seen')}, ${time('b.last_seen', 'last_seen')},
    hours, days, instances, events, kept_out, ${time('b.learned_from', 'learned_from')}, ${time('b.novel_at', 'novel_at')}, round(score, 1) AS score, lower(hex(b.digest)) AS digest
  FROM baselines AS b FINAL WHERE ${OF} ORDER BY kind, value`;
const NOVELTIES = `
  SELECT time, toString(kind) AS kind, value, toString(reason) AS reason, round(score, 1) AS score, round(surprise, 1) AS surprise, round(rarity, 1) AS rarity, shown_by, subjects,
    of_rollout, kept_out, toString(layer) AS layer, toString(node) AS node, toString(namespace) AS namespace, pod, container_id, principal, lower(hex(b.digest)) AS digest
  FROM novelties AS b FINAL WHERE ${OF} ORDER BY b.time, kind, value`;
const DECISIONS = `
  SELECT toString(kind) AS kind, value, toString(decision) AS decision, reason, decided_by, decided_at
  FROM baseline_decisions FINAL WHERE ${OF} ORDER BY decided_at DESC, kind, value`;

/** @param kind only facts of this kind */
export async function readBaseline(store: Store, subject: Subject, kind?: string): Promise<Baseline> {
  const of = { cluster: subject.cluster, subject: subject.subject, kind: likePattern(kind) };
  return {
    ...subject,
    learning_hours: LEARNING_HOURS,
    half_life_days: HALF_LIFE_DAYS,
    facts: z.array(Fact).parse(await store.rows(FACTS, of)),
    novelties: z.array(Novelty).parse(await store.rows(NOVELTIES, of)),
    decisions: z.array(Decision).parse(await store.rows(DECISIONS, of)),
  };
}
