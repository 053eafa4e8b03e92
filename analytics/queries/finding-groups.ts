// Findings in groups: what comes again and again is one line with its count.
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import sql from './finding-groups.sql';
import { type FindingFilter, findingParams, SEVERITIES, withFilter } from './findings.ts';

const text = z.string();
const Group = z.object({
  rule_id: text,
  title: text,
  severity: z.enum(SEVERITIES),
  rule_severity: z.enum(SEVERITIES),
  severity_reason: text,
  techniques: z.array(text),
  tactics: z.array(text),
  source: text,
  cluster: text,
  namespace: text,
  /** Kind of a workload, or pod, container, principal, node. */
  subject_kind: text,
  subject: text,
  /** Who asked, of requests. */
  principal: text,
  suppressed_by: text,
  count: z.coerce.number(),
  first: text.nullable(),
  last: text.nullable(),
  /** The first three. */
  examples: z.array(
    z.object({ id: text, time: text.nullable(), node: text, pod: text, digests: z.array(text), summary: text }),
  ),
});
export type FindingGroup = z.infer<typeof Group>;

// What repeats by itself mostly does so every hour: two keep it one line though it comes late.
const GAP_SECONDS = 2 * 3600;

/** Groups, the worst first, as many as `filter.limit`. */
export async function listFindingGroups(store: Store, filter: FindingFilter): Promise<FindingGroup[]> {
  const params = { ...findingParams(filter), gap_seconds: GAP_SECONDS };
  return z.array(Group).parse(await store.rows(`${withFilter(sql)} ${SETTINGS}`, params));
}

const SETTINGS = 'SETTINGS output_format_json_named_tuples_as_objects = 1';
