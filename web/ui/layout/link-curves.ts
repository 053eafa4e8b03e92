// Links of the chain as curves between marks: pure. Links that would lie on each other become one curve that says how
// many it stands for.
import { path } from 'd3';
import type { LinkEnd, ResolvedLink } from '../../api/types.ts';
import type { LaneRow } from './lane-rows.ts';
import type { Scale } from './scale.ts';

export interface LinkCurve {
  key: string;
  d: string;
  links: ResolvedLink[];
  confidence: number;
  /** Ends in lanes without marks of their own, such as an address. */
  bare: { x: number; y: number }[];
  /** Between lanes, rather than along one. */
  crossing: boolean;
}

// curves that end within this many pixels of each other cannot be told apart
const MERGE = 7;
// along a lane, a shorter arc would hide between its marks
const ARC_MIN = 16;
// far ends outside the view are drawn as if they were just outside it
const OUTSIDE = 60;

export function layoutLinks(links: readonly ResolvedLink[], rows: readonly LaneRow[], scale: Scale): LinkCurve[] {
  const byLane = new Map(rows.map((row) => [row.lane.id, row]));
  const curves = new Map<string, LinkCurve>();
  for (const link of links) {
    const [a, b] = [pointOf(link.start, byLane, scale), pointOf(link.end, byLane, scale)];
    if (!a || !b || outside(a.x, b.x, scale.width)) continue;
    const crossing = link.start?.lane !== link.end?.lane;
    const between = !crossing && a.y !== b.y;
    if (!crossing && !between && Math.abs(a.x - b.x) < ARC_MIN) continue;
    const key = [link.kind, link.start?.lane, link.end?.lane, Math.round(a.x / MERGE), Math.round(b.x / MERGE)].join(
      '|',
    );
    const known = curves.get(key);
    if (known) {
      known.links.push(link);
      known.confidence = Math.max(known.confidence, link.confidence);
    } else {
      const bare = [a, b].filter((point) => point.bare);
      const d = crossing || between ? crossingCurve(a, b) : arc(a, b);
      curves.set(key, { key, d, links: [link], confidence: link.confidence, crossing, bare });
    }
  }
  return [...curves.values()];
}

interface Point {
  x: number;
  y: number;
  /** Nothing is drawn there but the link. */
  bare: boolean;
}

function pointOf(end: LinkEnd | null, rows: ReadonlyMap<string, LaneRow>, scale: Scale): Point | null {
  const row = end && rows.get(end.lane);
  if (!row) return null;
  const y = row.trackY[end.layer];
  const x = Math.min(Math.max(scale.x(end.t), -OUTSIDE), scale.width + OUTSIDE);
  const bare = Number.isNaN(y);
  return { x, y: bare ? row.top + row.height / 2 : y, bare };
}

function outside(x1: number, x2: number, width: number): boolean {
  return Math.max(x1, x2) < 0 || Math.min(x1, x2) > width;
}

function crossingCurve(a: Point, b: Point): string {
  const curve = path();
  const middle = (a.y + b.y) / 2;
  // a sideways bow keeps two marks of one instant from being joined by a straight line through everything between
  const bow = Math.max(0, 18 - Math.abs(b.x - a.x) / 2);
  curve.moveTo(a.x, a.y);
  curve.bezierCurveTo(a.x - bow, middle, b.x - bow, middle, b.x, b.y);
  return curve.toString();
}

function arc(a: Point, b: Point): string {
  const curve = path();
  const lift = Math.min(16, Math.abs(b.x - a.x) / 4);
  curve.moveTo(a.x, a.y);
  curve.quadraticCurveTo((a.x + b.x) / 2, a.y - lift * 2, b.x, b.y);
  return curve.toString();
}
