// Findings as chains see them: which entity each is about, and how much it says.
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { type EntityId, idOf } from './graph.ts';
import { nameOfTactic } from './tactics.ts';

const text = z.string();
const SEVERITIES = ['informational', 'low', 'medium', 'high', 'critical'] as const;
const row = z.object({
  cluster: text,
  id: text,
  rule_id: text,
  title: text,
  severity: z.enum(SEVERITIES),
  rule_severity: z.enum(SEVERITIES),
  suppressed_by: text,
  techniques: z.array(text),
  tactics: z.array(text),
  at: z.coerce.number(),
  source: text,
  event_key: text,
  node: text,
  namespace: text,
  pod: text,
  container_id: text,
  process_key: text,
  principal: text,
  digests: z.array(text),
  summary: text,
});

export interface ChainFinding extends z.infer<typeof row> {
  /** ms since 1970 */
  at: number;
  /** What it is about; undefined when entities do not know the event. */
  entity: EntityId | undefined;
  /**
   * What it may begin. Context that makes a finding graver makes its chain graver, but not longer: whose a pod is changes nothing in
   * what is connected. One that is suppressed begins none.
   */
  seed: Severity;
}

export type Severity = (typeof SEVERITIES)[number];

const RANK: Record<Severity, number> = { informational: 0, low: 1, medium: 2, high: 3, critical: 4 };
export const atLeast = (severity: Severity, least: Severity) => RANK[severity] >= RANK[least];
export const rankOf = (severity: Severity) => RANK[severity];

const FINDINGS = `
  SELECT cluster, id, rule_id, title, severity, rule_severity, suppressed_by, techniques, tactics, toUnixTimestamp64Milli(time) AS at, source, event_key, node, namespace, pod,
         container_id, process_key, principal, arrayMap(d -> lower(hex(d)), digests) AS digests, summary
  FROM findings FINAL
  ORDER BY cluster, at, id
  SETTINGS prefer_column_name_to_alias = 1`;

/** Every finding of the store, by cluster and time. Findings are few: rules see to that. */
export async function readFindings(store: Store): Promise<ChainFinding[]> {
  return z
    .array(row)
    .parse(await store.rows(FINDINGS, {}, 'background'))
    .map((f) => ({ ...weighed(f), tactics: f.tactics.map(nameOfTactic), entity: entityOf(f) }));
}

/** A suppressed finding says nothing on its own, but where others lead to it, it is told: nobody vanishes behind a suppression. */
function weighed(f: z.infer<typeof row>): z.infer<typeof row> & { seed: Severity } {
  if (f.suppressed_by === '')
    return { ...f, seed: RANK[f.severity] < RANK[f.rule_severity] ? f.severity : f.rule_severity };
  const summary = `${f.summary.replace(/\.$/, '')} (suppressed by ${f.suppressed_by}).`;
  return { ...f, severity: 'informational', seed: 'informational', summary };
}

function entityOf(f: z.infer<typeof row>): EntityId | undefined {
  if (f.source === 'k8s-audit') return idOf('request', f.event_key.split('/')[0] ?? '');
  if (f.source === 'runtime') return f.container_id === '' ? undefined : idOf('container', f.container_id);
  return f.process_key === '' ? undefined : idOf('process', `${f.node}/${f.process_key}`);
}
