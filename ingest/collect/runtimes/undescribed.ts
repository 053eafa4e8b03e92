// Containers that were gone before their document could be read, told of as gaps: one gap for those that come close together.
import type { CollectorPlace } from '../collector.ts';

const NAMED_MAX = 10;
/** Containers that are too short for look-ups come in swarms. */
const TOGETHER_MS = 1_000;

export interface Undescribed {
  add(id: string): void;
  /** Reports what was not yet reported. */
  flush(): void;
}

export function createUndescribed(place: CollectorPlace, stream: string): Undescribed {
  let ids: string[] = [];
  let count = 0;
  let fromMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    const others = count > ids.length ? ` and ${count - ids.length} more` : '';
    place.report({
      reason: 'container-undescribed',
      source: 'runtime',
      stream,
      fromMs,
      toMs: place.now().getTime(),
      records: count,
      detail: `gone before their documents could be read: ${ids.join(', ')}${others}`,
    });
    ids = [];
    count = 0;
  };
  return {
    add(id) {
      if (timer === undefined) {
        fromMs = place.now().getTime();
        timer = setTimeout(flush, TOGETHER_MS);
      }
      count++;
      if (ids.length < NAMED_MAX) ids.push(id);
    },
    flush,
  };
}
