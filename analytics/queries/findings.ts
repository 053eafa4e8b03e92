// Findings as `findings` and the page see them.
import { z } from 'zod';
import type { Params, Store } from '../store/store.ts';
import { type EventFilter, filterParams, likePattern } from './event-filter.ts';
import findingsSql from './findings.sql';
import filterSql from './findings-filter.sql';

/** From the least to the worst. */
export const SEVERITIES = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

const Finding = z.object({
  id: z.string(),
  rule_id: z.string(),
  title: z.string(),
  severity: z.enum(SEVERITIES),
  /** The level of its rule, and why severity is another ('' where it is not). */
  rule_severity: z.enum(SEVERITIES),
  severity_reason: z.string(),
  techniques: z.array(z.string()),
  tactics: z.array(z.string()),
  time: z.string().nullable(),
  source: z.string(),
  cluster: z.string(),
  node: z.string(),
  namespace: z.string(),
  pod: z.string(),
  pod_uid: z.string(),
  workload: z.string(),
  container_id: z.string(),
  principal: z.string(),
  digests: z.array(z.string()),
  summary: z.string(),
  /** The suppression that hides it, '' for one that is shown. */
  suppressed_by: z.string(),
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
  /** Those that suppressions hide too, or they alone; without it those that are shown. */
  suppressed?: 'too' | 'only' | undefined;
}

/** Findings, the worst first, as many as `filter.limit`. */
export async function listFindings(store: Store, filter: FindingFilter): Promise<Finding[]> {
  const rows = await store.rows(withFilter(findingsSql), findingParams(filter));
  return z.array(Finding).parse(rows);
}

/** How many of them a suppression hides. */
export async function countSuppressed(store: Store, filter: FindingFilter): Promise<number> {
  const sql = withFilter('SELECT count() AS n FROM findings AS f FINAL WHERE {filter}');
  const [row] = await store.rows(sql, findingParams({ ...filter, suppressed: 'only' }));
  return Number(row?.['n'] ?? 0);
}

/** A query with the conditions that findings are chosen by in place of its `{filter}`. */
export const withFilter = (sql: string): string =>
  sql.replace('WHERE {filter}', () => `WHERE ${filterSql.replace(/--[^\n]*\n/g, '')}`);

export const findingParams = (filter: FindingFilter): Params => ({
  ...filterParams(filter),
  severity_min: SEVERITIES.indexOf(filter.severity ?? 'informational'),
  rule: likePattern(filter.rule),
  technique: filter.technique?.toUpperCase() ?? '',
  suppressed: filter.suppressed === undefined ? 0 : filter.suppressed === 'only' ? 1 : 2,
});
