// Findings as marks on the timeline, in order of time.
import { z } from 'zod';
import type { Store } from '../../../analytics/store/store.ts';
import type { FindingMark } from '../types.ts';
import { withLane } from './lane-of.ts';
import { Layer, Severity } from './row.ts';

const FindingRow = z.object({
  id: z.string(),
  rule_id: z.string(),
  title: z.string(),
  severity: Severity,
  techniques: z.array(z.string()),
  tactics: z.array(z.string()),
  t: z.number(),
  layer: Layer,
  lane: z.string(),
  summary: z.string(),
  digest: z.string(),
});

export interface FindingFilter {
  from: number;
  to: number;
  limit: number;
}

/** The gravest `limit` of a window. */
export async function readFindings(store: Store, { from, to, limit }: FindingFilter): Promise<FindingMark[]> {
  const rows = await store.rows(
    withLane(`WITH source AS layer
      SELECT id, rule_id, title, severity, techniques, tactics, toUnixTimestamp64Micro(time) / 1000 AS t, layer,
        lane_of_row AS lane, summary, lower(hex(digests[1])) AS digest
      FROM findings FINAL
      WHERE time >= fromUnixTimestamp64Micro({from:Int64}) AND time <= fromUnixTimestamp64Micro({to:Int64}) AND suppressed_by = ''
      ORDER BY indexOf(['critical', 'high', 'medium', 'low', 'informational'], severity), time LIMIT {limit:UInt32}`),
    { from: Math.floor(from * 1000), to: Math.ceil(to * 1000), limit },
  );
  return rows.map((row) => FindingRow.parse(row)).sort((a, b) => a.t - b.t);
}
