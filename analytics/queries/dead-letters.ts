// Records of which no typed row could be made, and why.
import { z } from 'zod';
import type { Store } from '../store/store.ts';

/** The closed list of reasons: analytics/decode/dead-letter-reason.sql gives them, docs/reference/dead-letters.md explains them. */
export const DEAD_LETTER_REASONS = ['oversized', 'unknown-format', 'invalid-json', 'missing-identity'] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

const Letter = z.object({
  received_at: z.string(),
  reason: z.string(),
  source: z.string(),
  cluster: z.string(),
  node: z.string(),
  stream: z.string(),
  position: z.number(),
  digest: z.string(),
  detail: z.string(),
});
export type DeadLetter = z.infer<typeof Letter>;

/** The newest first; of one delivery in order of the stream. */
export async function* listDeadLetters(
  store: Store,
  filter: { reason?: DeadLetterReason; limit: number },
): AsyncIterable<DeadLetter> {
  const sql = `
    SELECT received_at, reason, source, cluster, node, stream, position, lower(hex(d.digest)) AS digest, detail
    FROM dead_letters AS d FINAL
    WHERE {reason:String} = '' OR reason = {reason:String}
    ORDER BY received_at DESC, stream, position, d.digest
    LIMIT {limit:UInt64}`;
  for await (const row of store.stream(sql, { reason: filter.reason ?? '', limit: filter.limit }))
    yield Letter.parse(row);
}
