// Level of detail of the timeline: single events while there are few enough to be told apart, else counts.
import { z } from 'zod';
import type { Store } from '../../../analytics/store/store.ts';
import type { EventMark, TimelineEvents } from '../types.ts';
import { withLane } from './lane-of.ts';
import { Count, Layer } from './row.ts';
import binsSql from './timeline-bins.sql';
import eventsSql from './timeline-events.sql';

export const EventRow = z.object({
  id: z.string(),
  lane: z.string(),
  t: z.number(),
  layer: Layer,
  action: z.string(),
  object: z.string(),
  outcome: z.string(),
  principal: z.string(),
  exe: z.string(),
  digest: z.string(),
});
const BinRow = z.object({ lane: z.string(), layer: Layer, bin: Count, n: Count });

// a command line of a megabyte must not travel with every mark; the record has it whole
const TEXT_MAX = 240;

export interface EventWindow {
  from: number;
  to: number;
  cluster: string;
  lanes: readonly string[];
  /** More events than this are answered by counts. */
  limit: number;
  /** Parts of the window when counted. */
  bins: number;
}

export async function readTimelineEvents(store: Store, window: EventWindow): Promise<TimelineEvents> {
  const { from, to, limit } = window;
  const micros = { from: Math.floor(from * 1000), to: Math.ceil(to * 1000) };
  const where = { ...micros, cluster: window.cluster, lanes: [...window.lanes] };
  const width = Math.max(1, Math.ceil((micros.to - micros.from) / window.bins));
  const binRows = await store.rows(withLane(binsSql), { ...where, width });
  const bins = binRows.map((row) => BinRow.parse(row));
  const total = bins.reduce((sum, bin) => sum + bin.n, 0);
  if (total > limit) return { kind: 'bins', from, to, width_ms: width / 1000, total, bins };
  const rows = await store.rows(withLane(eventsSql), { ...where, limit });
  return { kind: 'events', from, to, events: rows.map((row) => shorten(EventRow.parse(row))) };
}

export function shorten<E extends EventMark>(event: E): E {
  return event.object.length <= TEXT_MAX ? event : { ...event, object: `${event.object.slice(0, TEXT_MAX)}…` };
}
