// The shape of each layer's mark, as a path around the origin: the same on the canvas, in the legend and in tables.
import type { Layer } from '../../api/types.ts';

/** `r` is half the width of a mark; the shapes are scaled to weigh the same to the eye. */
export function shapePath(layer: Layer, r: number): string {
  if (layer === 'k8s-audit') {
    const d = r * 1.25;
    return `M0,${-d}L${d},0L0,${d}L${-d},0Z`;
  }
  if (layer === 'runtime') {
    const s = r * 0.9;
    return `M${-s},${-s}H${s}V${s}H${-s}Z`;
  }
  return `M${-r},0A${r},${r} 0 1 1 ${r},0A${r},${r} 0 1 1 ${-r},0Z`;
}

export const layerNames: Record<Layer, string> = {
  'k8s-audit': 'Kubernetes API',
  runtime: 'container runtime',
  auditd: 'auditd',
};
