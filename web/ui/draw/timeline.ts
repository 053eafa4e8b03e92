// Draws what can be seen of the timeline on a canvas: grounds of lanes, grid, lifetimes, counts, marks, findings.
import { bisectLeft } from 'd3';
import { LAYERS, type LaneRow } from '../layout/lane-rows.ts';
import { type Mark, type Marks, type Role, type Track, trackKey, visibleMarks } from '../layout/marks.ts';
import type { Scale } from '../layout/scale.ts';
import { severityRank } from '../layout/severity.ts';
import type { Tick } from '../layout/ticks.ts';
import type { Palette } from './palette.ts';
import type { Sprites } from './sprites.ts';

export interface Scene {
  rows: readonly LaneRow[];
  marks: Marks;
  scale: Scale;
  ticks: readonly Tick[];
  height: number;
  /** How far the lanes are scrolled up. */
  scrollTop: number;
  /** The step that stands out, null when all do. */
  step: number | null;
  palette: Palette;
  sprites: Sprites;
}

const DIMMED = 0.16;

export function drawTimeline(context: CanvasRenderingContext2D, scene: Scene): void {
  const { rows, scale, height, scrollTop, palette } = scene;
  context.fillStyle = palette.background;
  context.fillRect(0, 0, scale.width, height);
  context.save();
  context.translate(0, -scrollTop);
  for (const row of rows) drawGround(context, scene, row);
  drawGrid(context, scene);
  for (const row of rows) drawLifetimes(context, scene, row);
  for (const row of rows) for (const track of tracksOf(scene, row)) drawBins(context, scene, row, track);
  for (const role of ['background', 'context', 'core'] as const) {
    for (const row of rows) for (const track of tracksOf(scene, row)) drawMarks(context, scene, row, track, role);
  }
  context.restore();
}

function tracksOf({ marks }: Scene, row: LaneRow): Track[] {
  return LAYERS.flatMap((layer) => {
    const track = marks.tracks.get(trackKey(row.lane.id, layer));
    return track && !Number.isNaN(row.trackY[layer]) ? [track] : [];
  });
}

function drawGround(context: CanvasRenderingContext2D, { scale, palette }: Scene, row: LaneRow): void {
  if (row.central) {
    context.fillStyle = palette.raised;
    context.fillRect(0, row.top, scale.width, row.height);
  }
  context.fillStyle = palette.line;
  context.fillRect(0, row.top + row.height - 1, scale.width, 1);
}

function drawGrid(context: CanvasRenderingContext2D, { ticks, scale, scrollTop, height, palette }: Scene): void {
  for (const tick of ticks) {
    context.fillStyle = tick.strong ? palette.line : palette.faint;
    context.fillRect(Math.round(scale.x(tick.t)), scrollTop, 1, height);
  }
}

/** A bar for each container, with an upright end where it is known to begin or end. */
function drawLifetimes(context: CanvasRenderingContext2D, { scale, palette }: Scene, row: LaneRow): void {
  for (const { lifetime, y } of row.bars) {
    const from = lifetime.from === null ? -10 : Math.max(scale.x(lifetime.from), -10);
    const to = lifetime.to === null ? scale.width + 10 : Math.min(scale.x(lifetime.to), scale.width + 10);
    if (to < 0 || from > scale.width) continue;
    context.fillStyle = palette.layer.runtime;
    context.globalAlpha = row.central ? 0.55 : 0.35;
    context.fillRect(from, y - 1, Math.max(to - from, 1.5), 2);
    context.globalAlpha = row.central ? 0.95 : 0.6;
    if (lifetime.from !== null) context.fillRect(from, y - 3, 1.5, 6);
    if (lifetime.to !== null) context.fillRect(to - 1.5, y - 3, 1.5, 6);
    context.globalAlpha = 1;
  }
}

/** Counts as columns; the square root keeps one event beside a thousand visible. */
function drawBins(context: CanvasRenderingContext2D, scene: Scene, row: LaneRow, track: Track): void {
  const { marks, scale, palette, step } = scene;
  const room = row.trackHeight - 2;
  const bottom = row.trackY[track.layer] + room / 2;
  const width = Math.max(1, (marks.binWidth / (scale.view.to - scale.view.from)) * scale.width - 0.5);
  context.fillStyle = palette.layer[track.layer];
  context.globalAlpha = step === null ? 0.38 : 0.2;
  const first = bisectLeft(track.bins, Math.floor((scale.view.from - marks.binStart) / marks.binWidth));
  for (let i = first; i < track.bins.length; i++) {
    const x = scale.x(marks.binStart + (track.bins[i] ?? 0) * marks.binWidth);
    if (x > scale.width) break;
    const height = Math.max(1.5, room * Math.sqrt((track.counts[i] ?? 0) / track.peak));
    context.fillRect(x, bottom - height, width, height);
  }
  context.globalAlpha = 1;
}

function drawMarks(context: CanvasRenderingContext2D, scene: Scene, row: LaneRow, track: Track, role: Role): void {
  const { scale, sprites, step, palette } = scene;
  const y = row.trackY[track.layer];
  const small = !row.central;
  let last = Number.NaN;
  let pennant = Number.NEGATIVE_INFINITY;
  for (const mark of visibleMarks(track, scale)) {
    if (mark.role !== role) continue;
    const x = scale.x(mark.event.t);
    // of events in one pixel one is enough, unless they are the chain's or somebody found something
    if (role === 'background' && !mark.finding && Math.abs(x - last) < 0.75) continue;
    last = x;
    const dimmed = step !== null && mark.step !== step;
    context.globalAlpha = dimmed ? (role === 'core' ? DIMMED * 1.6 : DIMMED) : 1;
    sprites.stamp(context, track.layer, role, small, x, y);
    if (mark.finding && !(dimmed && role === 'background')) {
      drawRing(context, palette, mark, x, y, small);
      if (!small && isGrave(mark) && x - pennant >= PENNANT_APART) {
        drawPennant(context, x, y);
        pennant = x;
      }
    }
  }
  context.globalAlpha = 1;
}

const RING = 7.5;
// pennants closer than this would hide each other
const PENNANT_APART = 9;

const isGrave = (mark: Mark) => severityRank(mark.finding?.severity ?? '') >= severityRank('high');

/** A ring around what somebody found: the graver, the heavier. */
function drawRing(
  context: CanvasRenderingContext2D,
  palette: Palette,
  { finding }: Mark,
  x: number,
  y: number,
  small: boolean,
): void {
  const severity = finding?.severity ?? '';
  context.strokeStyle = palette.severity[severity] ?? palette.ink;
  context.lineWidth = [0, 0.8, 1.2, 1.7, 2.2][severityRank(severity)] ?? 1;
  if (context.lineWidth === 0 || severityRank(severity) < 1) return;
  context.beginPath();
  context.arc(x, y, small ? 5 : RING, 0, 2 * Math.PI);
  context.stroke();
}

/** In the colour of the ring just drawn. */
function drawPennant(context: CanvasRenderingContext2D, x: number, y: number): void {
  const top = y - RING - 8;
  context.fillStyle = context.strokeStyle;
  context.beginPath();
  context.moveTo(x, top);
  context.lineTo(x + 7, top + 2.5);
  context.lineTo(x, top + 5);
  context.fill();
  context.fillRect(x - 0.75, top, 1.5, 8);
}
