// The mark of a layer as a small picture in text.
import type { Layer } from '../../api/types.ts';
import { layerNames, shapePath } from '../draw/shapes.ts';

export function Shape({ layer, size = 12 }: { layer: Layer; size?: number }) {
  return (
    <svg class={`shape ${layer}`} width={size} height={size} viewBox="-7 -7 14 14" role="img">
      <title>{layerNames[layer]}</title>
      <path d={shapePath(layer, 5)} />
    </svg>
  );
}
