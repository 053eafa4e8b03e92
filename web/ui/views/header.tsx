// What store this is and what it holds.
import type { Overview } from '../../api/types.ts';
import { layerNames } from '../draw/shapes.ts';
import { LAYERS } from '../layout/lane-rows.ts';
import { Shape } from './shape.tsx';

const GRAVE = ['critical', 'high', 'medium', 'low'] as const;

export function Header({ overview }: { overview: Overview }) {
  return (
    <header class="top">
      <a class="mark" href="./">
        Vestige
      </a>
      <span class="where" title={overview.location}>
        {overview.clusters.join(', ')}
      </span>
      <ul class="counts" aria-label="Events in the store">
        {LAYERS.map((layer) => (
          <li key={layer} title={layerNames[layer]}>
            <Shape layer={layer} size={11} />
            {overview.layers[layer].toLocaleString('en')}
          </li>
        ))}
      </ul>
      <ul class="counts" aria-label="Findings by severity">
        {GRAVE.filter((severity) => overview.findings[severity]).map((severity) => (
          <li key={severity} class={`severity ${severity}`}>
            <b>{overview.findings[severity]}</b> {severity}
          </li>
        ))}
      </ul>
    </header>
  );
}
