// Places by which correlations group events of any layer: what an event is known to belong to once places.ts has looked it up.
import type { Hit } from './scan.ts';

const PLACES: Readonly<Record<string, (hit: Hit) => string>> = {
  'vestige.namespace': (hit) => hit.namespace,
  'vestige.pod': (hit) => hit.pod,
  'vestige.pod_uid': (hit) => hit.pod_uid,
  'vestige.container_id': (hit) => hit.container_id,
  'vestige.process_key': (hit) => hit.process_key,
  'vestige.principal': (hit) => hit.principal,
  'vestige.node': (hit) => hit.node,
  'vestige.cluster': (hit) => hit.cluster,
};

export const isPlace = (name: string): boolean => Object.hasOwn(PLACES, name);

export const placeOf = (hit: Hit, name: string): string => PLACES[name]?.(hit) ?? '';
