// Level of detail of the timeline: single events of tracks with few, counts of tracks with many.
import { z } from 'zod';
import type { Store } from '../../../analytics/store/store.ts';
import type { Bin, EventMark, TimelineEvents } from '../types.ts';
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
  const counted = await store.rows(withLane(binsSql), { ...where, width });
  const bins = counted.map((row) => BinRow.parse(row));
  const { crowded, total } = crowdedTracks(bins, limit);
  const rows = await store.rows(withLane(eventsSql), { ...where, crowded: [...crowded], limit });
  return {
    from: micros.from / 1000,
    to,
    width_ms: width / 1000,
    total,
    events: rows.map((row) => shorten(EventRow.parse(row))),
    bins: bins.filter((bin) => crowded.has(trackOf(bin))),
  };
}

const trackOf = ({ layer, lane }: Pick<Bin, 'layer' | 'lane'>) => `${layer}|${lane}`;

/** The tracks that do not fit into `limit` when the quietest go first. */
export function crowdedTracks(bins: readonly Bin[], limit: number): { crowded: Set<string>; total: number } {
  const sizes = new Map<string, number>();
  for (const bin of bins) sizes.set(trackOf(bin), (sizes.get(trackOf(bin)) ?? 0) + bin.n);
  const crowded = new Set<string>();
  let total = 0;
  for (const [track, n] of [...sizes].sort((a, b) => a[1] - b[1])) {
    total += n;
    if (total > limit) crowded.add(track);
  }
  return { crowded, total };
}

export function shorten<E extends EventMark>(event: E): E {
  return event.object.length <= TEXT_MAX ? event : { ...event, object: `${event.object.slice(0, TEXT_MAX)}…` };
}
