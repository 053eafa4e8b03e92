// Marks of the timeline by track, ready to be drawn and hit: pure. A mark is an event; those of the chain come with
// their step and are always there, whatever level of detail the rest is shown at.
import { bisectLeft, bisector } from 'd3';
import type { ChainMark, EventMark, FindingMark, Lane, Layer, Lifetime, TimelineEvents } from '../../api/types.ts';
import type { LaneRow } from './lane-rows.ts';
import type { Scale } from './scale.ts';
import { severityRank } from './severity.ts';

export type Role = 'core' | 'context' | 'background';

export interface Mark {
  event: EventMark;
  role: Role;
  /** Step of the chain, 0 for none. */
  step: number;
  /** The gravest finding on this event. */
  finding: FindingMark | null;
}

export interface Track {
  lane: string;
  layer: Layer;
  /** In order of time. */
  marks: Mark[];
  /** Counts of what is not shown one by one: `counts[i]` events in part `bins[i]`, in order of time. */
  bins: readonly number[];
  counts: readonly number[];
  /** Most events in one bin. */
  peak: number;
}

export interface Marks {
  tracks: Map<string, Track>;
  binStart: number;
  binWidth: number;
}

export const trackKey = (lane: string, layer: Layer): string => `${layer}|${lane}`;
const byTime = bisector((mark: Mark) => mark.event.t);

export function arrangeMarks(
  events: TimelineEvents | null,
  chain: readonly ChainMark[],
  findings: readonly FindingMark[],
): Marks {
  const tracks = new Map<string, Track>();
  const trackOf = (lane: string, layer: Layer) => {
    const key = trackKey(lane, layer);
    const track = tracks.get(key) ?? { lane, layer, marks: [], bins: [], counts: [], peak: 0 };
    tracks.set(key, track);
    return track;
  };
  const gravest = gravestByDigest(findings);
  const ofChain = new Set(chain.map((mark) => identity(mark)));
  for (const { step, role, ...event } of chain) {
    trackOf(event.lane, event.layer).marks.push({ event, role, step, finding: gravest.get(event.digest) ?? null });
  }
  for (const event of events?.events ?? []) {
    if (ofChain.has(identity(event))) continue;
    const finding = gravest.get(event.digest) ?? null;
    trackOf(event.lane, event.layer).marks.push({ event, role: 'background', step: 0, finding });
  }
  // where events are only counted, what somebody found must still be seen
  const shown = new Set([...tracks.values()].flatMap((track) => track.marks.map((mark) => mark.event.digest)));
  for (const finding of gravest.values()) {
    if (shown.has(finding.digest)) continue;
    trackOf(finding.lane, finding.layer).marks.push({ event: eventOf(finding), role: 'background', step: 0, finding });
  }
  for (const { lane, layer, bins, counts } of events?.counted ?? []) {
    const peak = counts.reduce((most, n) => Math.max(most, n), 0);
    Object.assign(trackOf(lane, layer), { bins, counts, peak });
  }
  for (const track of tracks.values()) track.marks.sort((a, b) => a.event.t - b.event.t);
  return { tracks, binStart: events?.from ?? 0, binWidth: events?.width_ms ?? 1 };
}

// what a chain calls a member may differ from what `events` calls it; the bytes and the instant do not
const identity = ({ digest, t, layer }: EventMark) => `${layer}${t}${digest}`;

function eventOf({ id, lane, t, layer, summary, digest }: FindingMark): EventMark {
  return { id, lane, t, layer, action: '', object: summary, outcome: '', principal: '', exe: '', digest };
}

function gravestByDigest(findings: readonly FindingMark[]): Map<string, FindingMark> {
  const gravest = new Map<string, FindingMark>();
  for (const finding of findings) {
    const known = gravest.get(finding.digest);
    if (!known || severityRank(finding.severity) > severityRank(known.severity)) gravest.set(finding.digest, finding);
  }
  return gravest;
}

/** Marks of a track inside the view, with `slack` pixels beyond its edges. */
export function visibleMarks(track: Track, scale: Scale, slack = 10): Mark[] {
  const from = byTime.left(track.marks, scale.t(-slack));
  const to = byTime.right(track.marks, scale.t(scale.width + slack));
  return track.marks.slice(from, to);
}

export type Hit =
  | { kind: 'mark'; mark: Mark }
  | { kind: 'bar'; lifetime: Lifetime; lane: Lane }
  | { kind: 'bin'; layer: Layer; n: number; from: number; to: number };

const REACH = 9;
const BAR_REACH = 4;
const order: Record<Role, number> = { core: 0, context: 1, background: 2 };

/** What is drawn at a place of the plot: the nearest mark, those of the chain first; else a bar, else the bin beneath. */
export function hitMarks(marks: Marks, rows: readonly LaneRow[], scale: Scale, x: number, y: number): Hit | null {
  const row = rows.find((candidate) => y >= candidate.top && y < candidate.top + candidate.height);
  if (!row) return null;
  const near: { mark: Mark; distance: number }[] = [];
  let beneath: Hit | null = null;
  for (const track of tracksOf(marks, row)) {
    const dy = Math.abs(row.trackY[track.layer] - y);
    if (!(dy <= row.trackHeight / 2 + 2)) continue;
    const [from, to] = [scale.t(x - REACH), scale.t(x + REACH)];
    for (const mark of track.marks.slice(byTime.left(track.marks, from), byTime.right(track.marks, to))) {
      near.push({ mark, distance: Math.hypot(scale.x(mark.event.t) - x, dy) });
    }
    if (dy <= row.trackHeight / 2) beneath ??= binAt(marks, track, scale.t(x));
  }
  near.sort((a, b) => order[a.mark.role] - order[b.mark.role] || a.distance - b.distance);
  if (near[0]) return { kind: 'mark', mark: near[0].mark };
  return barAt(row, scale, x, y) ?? beneath;
}

function barAt(row: LaneRow, scale: Scale, x: number, y: number): Hit | null {
  const bar = row.bars.find(({ lifetime: { from, to }, y: at }) => {
    const [start, end] = [from === null ? 0 : scale.x(from), to === null ? scale.width : scale.x(to)];
    return Math.abs(at - y) <= BAR_REACH && x >= start - BAR_REACH && x <= end + BAR_REACH;
  });
  return bar ? { kind: 'bar', lifetime: bar.lifetime, lane: row.lane } : null;
}

function tracksOf(marks: Marks, row: LaneRow): Track[] {
  return (['k8s-audit', 'runtime', 'auditd'] as const).flatMap((layer) => {
    const track = marks.tracks.get(trackKey(row.lane.id, layer));
    return track ? [track] : [];
  });
}

function binAt({ binStart, binWidth }: Marks, track: Track, t: number): Hit | null {
  const bin = Math.floor((t - binStart) / binWidth);
  const i = bisectLeft(track.bins, bin);
  if (track.bins[i] !== bin) return null;
  const from = binStart + bin * binWidth;
  return { kind: 'bin', layer: track.layer, n: track.counts[i] ?? 0, from, to: from + binWidth };
}
