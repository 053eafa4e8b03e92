// Where lanes and their tracks lie, from top to bottom: pure. A lane has a track for each layer that it has events of,
// and a thin one for the lifetimes of its containers.
import type { Lane, Layer, Lifetime, ResolvedLink } from '../../api/types.ts';

export const LAYERS: readonly Layer[] = ['k8s-audit', 'runtime', 'auditd'];

export interface Bar {
  lifetime: Lifetime;
  /** Centre, from the top of all lanes. */
  y: number;
}

export interface LaneRow {
  lane: Lane;
  /** A lane of the chain shown, or of any chain when none is. */
  central: boolean;
  top: number;
  height: number;
  /** Centre of each layer's track, from the top of all lanes; NaN for a layer without one. */
  trackY: Record<Layer, number>;
  trackHeight: number;
  bars: Bar[];
}

interface Density {
  track: number;
  padding: number;
  least: number;
}

const roomy: Density = { track: 15, padding: 7, least: 42 };
const tight: Density = { track: 7, padding: 3, least: 25 };
const BAR = 5;
// more containers side by side than this share the last line
const BAR_LINES_MAX = 3;

interface Room {
  /** For the label above the tracks, when it does not stand beside them. */
  labelHeight?: number;
  /** What there is to fill: a few lanes grow into it, many go beyond it. */
  height?: number;
}

// beyond this, lanes are further apart than the eye follows
const STRETCH_MAX = 2.1;

export function layoutLanes(
  lanes: readonly Lane[],
  chain: string | null,
  { labelHeight = 0, height = 0 }: Room = {},
): LaneRow[] {
  const least = stack(lanes, chain, labelHeight, 1);
  const stretch = Math.min(height / Math.max(totalHeight(least), 1), STRETCH_MAX);
  return stretch > 1 ? stack(lanes, chain, labelHeight, stretch) : least;
}

function stack(lanes: readonly Lane[], chain: string | null, labelHeight: number, stretch: number): LaneRow[] {
  const rows: LaneRow[] = [];
  let top = 0;
  for (const lane of lanes) {
    const central = isCentral(lane, chain);
    const { track, padding, least } = central ? roomy : tight;
    const density = { track: track * stretch, padding: padding * stretch, least: least * stretch };
    const row = layoutLane(lane, central, top, density, labelHeight);
    rows.push(row);
    top += row.height;
  }
  return rows;
}

export function isCentral(lane: Lane, chain: string | null): boolean {
  return chain === null ? lane.chains.length > 0 : lane.chains.includes(chain);
}

function layoutLane(lane: Lane, central: boolean, top: number, density: Density, labelHeight: number): LaneRow {
  const layers = LAYERS.filter((layer) => (lane.events[layer] ?? 0) > 0);
  const lines = barLines(lane.containers);
  const lineCount = Math.max(0, ...lines) + (lines.length > 0 ? 1 : 0);
  const content = layers.length * density.track + lineCount * BAR;
  const height = labelHeight + Math.max(density.least - (labelHeight > 0 ? 12 : 0), content + 2 * density.padding);
  const start = top + labelHeight + (height - labelHeight - content) / 2;
  const trackY: Record<Layer, number> = { 'k8s-audit': Number.NaN, runtime: Number.NaN, auditd: Number.NaN };
  layers.forEach((layer, i) => {
    trackY[layer] = start + density.track * (i + 0.5);
  });
  const barsTop = start + layers.length * density.track;
  const bars = lane.containers.map((lifetime, i) => ({ lifetime, y: barsTop + BAR * ((lines[i] ?? 0) + 0.5) }));
  return { lane, central, top, height, trackY, trackHeight: density.track, bars };
}

/** A line for each lifetime such that those at the same time lie beneath each other. */
function barLines(lifetimes: readonly Lifetime[]): number[] {
  const ends: number[] = [];
  return lifetimes.map(({ from, to }) => {
    const free = ends.findIndex((end) => end <= (from ?? Number.NEGATIVE_INFINITY));
    const line = free >= 0 ? free : Math.min(ends.length, BAR_LINES_MAX - 1);
    ends[line] = Math.max(ends[line] ?? Number.NEGATIVE_INFINITY, to ?? Number.POSITIVE_INFINITY);
    return line;
  });
}

/** Rows that can be seen between two heights. */
export function rowsBetween(rows: readonly LaneRow[], top: number, bottom: number): LaneRow[] {
  return rows.filter((row) => row.top + row.height > top && row.top < bottom);
}

export const totalHeight = (rows: readonly LaneRow[]): number => {
  const last = rows.at(-1);
  return last ? last.top + last.height : 0;
};

/** A lane for each address that a chain's links end at, in order of time. */
export function addressLanes(links: readonly ResolvedLink[], chain: string): Lane[] {
  const ends = links.flatMap(({ start, end }) => [start, end]).filter((end) => end?.lane.startsWith('address:'));
  const ids = new Set(ends.sort((a, b) => (a?.t ?? 0) - (b?.t ?? 0)).map((end) => end?.lane ?? ''));
  return [...ids].map((id) => ({
    id,
    kind: 'address',
    cluster: '',
    namespace: '',
    name: id.slice('address:'.length),
    containers: [],
    from: null,
    to: null,
    events: {},
    chains: [chain],
  }));
}

/** What names a lane: its own name, and in which namespace or what it is. */
export function laneWords(lane: Lane, ofSeveralClusters: boolean): { name: string; detail: string } {
  const containers = [...new Set(lane.containers.map((container) => container.name))].join(', ');
  if (lane.kind === 'node') return { name: lane.name, detail: `node · ${lane.cluster}` };
  if (lane.kind === 'api') return { name: lane.name, detail: lane.cluster };
  if (lane.kind === 'address') return { name: lane.name, detail: 'network address' };
  if (lane.kind === 'container') return { name: lane.name, detail: 'container without a pod' };
  const place = [ofSeveralClusters ? lane.cluster : '', lane.namespace, containers];
  return { name: lane.name, detail: place.filter(Boolean).join(' · ') };
}
