// What the marks mean.
import { layerNames } from '../draw/shapes.ts';
import { LAYERS } from '../layout/lane-rows.ts';
import { Shape } from './shape.tsx';

export function Legend() {
  return (
    <ul class="legend" aria-label="Legend">
      {LAYERS.map((layer) => (
        <li key={layer}>
          <Shape layer={layer} />
          {layerNames[layer]}
        </li>
      ))}
      <li>
        <svg width="26" height="12" viewBox="0 0 26 12" aria-hidden="true" class="legend-life">
          <path d="M2,2V10M2,6H24M24,2V10" />
        </svg>
        container alive
      </li>
      <li>
        <svg width="16" height="16" viewBox="-8 -8 16 16" aria-hidden="true" class="legend-finding">
          <circle r="6" />
        </svg>
        finding
      </li>
      <li>
        <svg width="26" height="12" viewBox="0 0 26 12" aria-hidden="true" class="legend-link">
          <path d="M2,10C10,10 14,2 24,2" />
        </svg>
        link
      </li>
    </ul>
  );
}
