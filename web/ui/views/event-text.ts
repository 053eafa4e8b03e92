// An event in one sentence, for those who listen.
import type { EventMark } from '../../api/types.ts';
import { visibleLine } from '../data/visible.ts';
import { layerNames } from '../draw/shapes.ts';
import { clockText } from '../layout/ticks.ts';

export function eventText({ t, layer, action, object, principal, outcome }: EventMark): string {
  const words = [action, object, principal && `by ${principal}`, outcome].filter(Boolean).map(visibleLine).join(' ');
  return `${clockText(t)}, ${layerNames[layer]}: ${words}`;
}
