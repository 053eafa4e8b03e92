// Colours of the canvas, read from the style sheet so that dark and light are decided in one place.
import type { Layer } from '../../api/types.ts';

export interface Palette {
  background: string;
  raised: string;
  line: string;
  faint: string;
  ink: string;
  layer: Record<Layer, string>;
  severity: Record<string, string>;
}

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    background: colour('plot'),
    raised: colour('lane-central'),
    line: colour('line'),
    faint: colour('line-faint'),
    ink: colour('ink-2'),
    layer: { 'k8s-audit': colour('k8s'), runtime: colour('runtime'), auditd: colour('auditd') },
    severity: {
      critical: colour('critical'),
      high: colour('high'),
      medium: colour('medium'),
      low: colour('low'),
      informational: colour('informational'),
    },
  };
}
