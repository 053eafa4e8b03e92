// Marks drawn once each and stamped many times: twenty thousand stamps take a few milliseconds, as many paths do not.
import type { Layer } from '../../api/types.ts';
import type { Role } from '../layout/marks.ts';
import type { Palette } from './palette.ts';
import { shapePath } from './shapes.ts';

export interface Sprites {
  stamp(context: CanvasRenderingContext2D, layer: Layer, role: Role, small: boolean, x: number, y: number): void;
}

const radius: Record<Role, number> = { core: 5, context: 3.2, background: 2.6 };
const opacity: Record<Role, number> = { core: 1, context: 0.55, background: 0.42 };

export function createSprites(palette: Palette, pixelRatio: number): Sprites {
  const made = new Map<string, HTMLCanvasElement>();
  const spriteOf = (layer: Layer, role: Role, small: boolean) => {
    const key = `${layer} ${role} ${small}`;
    const known = made.get(key);
    if (known) return known;
    const sprite = drawSprite(palette, layer, role, radius[role] * (small ? 0.75 : 1), pixelRatio);
    made.set(key, sprite);
    return sprite;
  };
  return {
    stamp: (context, layer, role, small, x, y) => {
      const sprite = spriteOf(layer, role, small);
      const size = sprite.width / pixelRatio;
      context.drawImage(sprite, x - size / 2, y - size / 2, size, size);
    },
  };
}

function drawSprite(palette: Palette, layer: Layer, role: Role, r: number, pixelRatio: number): HTMLCanvasElement {
  const half = Math.ceil(r * 1.25 + 2);
  const sprite = document.createElement('canvas');
  sprite.width = sprite.height = half * 2 * pixelRatio;
  const context = sprite.getContext('2d');
  if (!context) return sprite;
  context.scale(pixelRatio, pixelRatio);
  context.translate(half, half);
  const shape = new Path2D(shapePath(layer, r));
  context.globalAlpha = opacity[role];
  context.fillStyle = palette.layer[layer];
  context.fill(shape);
  if (role === 'core') {
    // an outline in the colour of the ground keeps neighbours apart
    context.strokeStyle = palette.background;
    context.lineWidth = 1.2;
    context.stroke(shape);
  }
  return sprite;
}
