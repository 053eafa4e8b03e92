// Level of detail of the timeline: single events of tracks with few, counts of tracks with many.
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
const TrackRow = z.object({
  lane: z.string(),
  layer: Layer,
  bins: z.array(Count),
  counts: z.array(Count),
  total: Count,
});
type TrackRow = z.infer<typeof TrackRow>;

// a command line of a megabyte must not travel with every mark; the record has it whole
const TEXT_MAX = 240;

export interface EventWindow {
  from: number;
  to: number;
  cluster: string;
  lanes: readonly string[];
  /** At most this many single events. */
  limit: number;
  /** Parts of the window when counted. */
  bins: number;
}

export async function readTimelineEvents(store: Store, window: EventWindow): Promise<TimelineEvents> {
  const { from, to, limit } = window;
  const micros = { from: Math.floor(from * 1000), to: Math.ceil(to * 1000) };
  const where = { ...micros, cluster: window.cluster, lanes: [...window.lanes] };
  const width = Math.max(1, Math.ceil((micros.to - micros.from) / window.bins));
  const rows = await store.rows(withLane(binsSql), { ...where, width });
  const tracks = rows.map((row) => TrackRow.parse(row));
  const { crowded, total } = crowdedTracks(tracks, limit);
  const events = await store.rows(withLane(eventsSql), { ...where, crowded: crowded.map(keyOf), limit });
  return {
    from: micros.from / 1000,
    to,
    width_ms: width / 1000,
    total,
    events: events.map((row) => shorten(EventRow.parse(row))),
    counted: crowded.map(({ lane, layer, bins, counts }) => ({ lane, layer, bins, counts })),
  };
}

const keyOf = ({ layer, lane }: TrackRow) => `${layer}|${lane}`;

/** The tracks that do not fit into `limit` when the quietest go first; `tracks` in that order. */
export function crowdedTracks<T extends { total: number }>(
  tracks: readonly T[],
  limit: number,
): { crowded: T[]; total: number } {
  let sum = 0;
  const crowded = tracks.filter(({ total }) => {
    sum += total;
    return sum > limit;
  });
  return { crowded, total: sum };
}

export function shorten<E extends EventMark>(event: E): E {
  return event.object.length <= TEXT_MAX ? event : { ...event, object: `${event.object.slice(0, TEXT_MAX)}…` };
}
