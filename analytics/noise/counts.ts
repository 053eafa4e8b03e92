// How many findings context changed: nothing is hidden or moved without a word.
import { z } from 'zod';
import type { Store } from '../store/store.ts';

const number = z.coerce.number();
const Counts = z.object({ suppressed: number, raised: number, lowered: number });
export type NoiseCounts = z.infer<typeof Counts>;

/** Of all findings: those a suppression hides, those made graver and those made less grave. */
export async function countNoise(store: Store): Promise<NoiseCounts> {
  const [row] = await store.rows(
    `SELECT countIf(suppressed_by != '') AS suppressed, countIf(to > was) AS raised, countIf(to < was) AS lowered
     FROM
     (
       SELECT suppressed_by, indexOf(levels, severity) AS to, indexOf(levels, rule_severity) AS was,
              ['informational', 'low', 'medium', 'high', 'critical'] AS levels
       FROM findings FINAL
     )`,
    {},
    'background',
  );
  return Counts.parse(row);
}
