// Where the members of a chain are on the timeline, and which lanes chains touch.
import { z } from 'zod';
import type { Store } from '../../../analytics/store/store.ts';
import type { ChainMark } from '../types.ts';
import sql from './chain-marks.sql';
import { withLane } from './lane-of.ts';
import { Count } from './row.ts';
import { EventRow, shorten } from './timeline-events.ts';

const MarkRow = EventRow.extend({
  step: Count,
  role: z.enum(['core', 'context']),
  node: z.string(),
  process_key: z.string(),
  container_id: z.string(),
});
const TouchRow = z.object({ lane: z.string(), chain: z.string(), t: z.number() });

/** A mark with what it is an event of. */
export interface PlacedMark extends ChainMark {
  node: string;
  process_key: string;
  container_id: string;
}

/** Marks of one chain, in order of time. */
export async function readChainMarks(store: Store, id: string): Promise<PlacedMark[]> {
  const rows = await store.rows(withLane(sql), { id });
  return rows.map((row) => shorten(MarkRow.parse(row)));
}

export interface ChainTouch {
  lane: string;
  chain: string;
  /** The first member of the chain in that lane. */
  t: number;
}

/** Which lanes the core of each chain reaches. */
export async function readChainTouches(store: Store): Promise<ChainTouch[]> {
  const rows = await store.rows(
    `SELECT lane, chain, min(t) AS t FROM (${withLane(sql)}) WHERE role = 'core' GROUP BY lane, chain ORDER BY t`,
    { id: '' },
  );
  return rows.map((row) => TouchRow.parse(row));
}
