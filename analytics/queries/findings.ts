// Findings as `findings` and the page see them.
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { type EventFilter, filterParams, likePattern } from './event-filter.ts';
import sql from './findings.sql';

/** From the least to the worst. */
export const SEVERITIES = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

const Finding = z.object({
  id: z.string(),
  rule_id: z.string(),
  title: z.string(),
  severity: z.enum(SEVERITIES),
  techniques: z.array(z.string()),
  tactics: z.array(z.string()),
  time: z.string().nullable(),
  source: z.string(),
  cluster: z.string(),
  node: z.string(),
  namespace: z.string(),
  pod: z.string(),
  pod_uid: z.string(),
  container_id: z.string(),
  principal: z.string(),
  digests: z.array(z.string()),
  summary: z.string(),
});

/** One finding (section 10 of the design). */
export type Finding = z.infer<typeof Finding>;

export interface FindingFilter extends EventFilter {
  /** This severity and worse. */
  severity?: Severity | undefined;
  /** Id of a rule; `*` for any text. */
  rule?: string | undefined;
  /** ATT&CK id; T1053 stands for its sub-techniques too. */
  technique?: string | undefined;
}

/** Findings, the worst first, as many as `filter.limit`. */
export async function listFindings(store: Store, filter: FindingFilter): Promise<Finding[]> {
  const rows = await store.rows(sql, {
    ...filterParams(filter),
    severity_min: SEVERITIES.indexOf(filter.severity ?? 'informational'),
    rule: likePattern(filter.rule),
    technique: filter.technique?.toUpperCase() ?? '',
  });
  return z.array(Finding).parse(rows);
}
