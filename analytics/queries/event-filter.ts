// The filters that questions about the three layers share, as parameters of their SQL. Every filter is always sent:
// one that is not given lets everything through, so that the text of a query never depends on input.
import type { Params } from '../store/store.ts';

export const LAYERS = ['k8s-audit', 'runtime', 'auditd'] as const;
export type Layer = (typeof LAYERS)[number];

export interface EventFilter {
  /** RFC 3339 in UTC; from this instant on. */
  since?: string | undefined;
  /** RFC 3339 in UTC; before this instant. */
  until?: string | undefined;
  layer?: Layer | undefined;
  /** The names below may hold `*` for any text. */
  cluster?: string | undefined;
  node?: string | undefined;
  namespace?: string | undefined;
  /** Name, namespace/name, or uid. */
  pod?: string | undefined;
  /** A container id or its beginning. */
  container?: string | undefined;
  principal?: string | undefined;
  limit?: number | undefined;
}

export const LIMIT_DEFAULT = 100;

// What DateTime64(9) can hold; unknown times are stored as 1970.
export const TIME_MIN = '1970-01-01T00:00:00Z';
export const TIME_MAX = '2261-12-31T00:00:00Z';

export function filterParams(filter: EventFilter): Params {
  const [podNamespace, podName] = splitPod(filter.pod);
  return {
    since: filter.since ?? TIME_MIN,
    until: filter.until ?? TIME_MAX,
    layer: likePattern(filter.layer),
    cluster: likePattern(filter.cluster),
    node: likePattern(filter.node),
    namespace: likePattern(filter.namespace),
    pod_namespace: likePattern(podNamespace),
    pod: likePattern(podName),
    container: `${escapeLike(filter.container ?? '')}%`,
    principal: likePattern(filter.principal),
    limit: filter.limit ?? LIMIT_DEFAULT,
  };
}

function splitPod(pod: string | undefined): [string | undefined, string | undefined] {
  const slash = pod?.indexOf('/') ?? -1;
  return pod === undefined || slash === -1 ? [undefined, pod] : [pod.slice(0, slash), pod.slice(slash + 1)];
}

/** A name in which `*` stands for any text, as a pattern of LIKE; nothing given matches everything. */
export function likePattern(name: string | undefined): string {
  return name === undefined ? '%' : escapeLike(name).replaceAll('*', '%');
}

export function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, (c) => `\\${c}`);
}
