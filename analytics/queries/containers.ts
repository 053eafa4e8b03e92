// Containers, the dead and the living: the list.
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import sql from './containers.sql';
import { type EventFilter, filterParams, likePattern } from './event-filter.ts';

const Container = z.object({
  cluster: z.string(),
  node: z.string(),
  container_id: z.string(),
  kind: z.string(),
  container_name: z.string(),
  namespace: z.string(),
  pod: z.string(),
  pod_uid: z.string(),
  image: z.string(),
  image_digest: z.string(),
  created_at: z.string().nullable(),
  started_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  exit_status: z.number().nullable(),
  ended_by: z.string(),
  known_by: z.array(z.string()),
  privileged: z.boolean(),
  findings: z.number(),
});

/** One container as a list shows it; times and exit status are null when not known. */
export type ContainerRow = z.infer<typeof Container>;

export interface ContainerFilter extends EventFilter {
  /** `*` for any text. */
  image?: string | undefined;
  kind?: string | undefined;
  /** exit | signal | oom | deleted | node gone | unknown. */
  endedBy?: string | undefined;
  /** Pod sandboxes too. */
  sandboxes?: boolean | undefined;
  /** That ended sooner after their start. */
  livedUnderMs?: number | undefined;
}

const paramsOf = (filter: ContainerFilter) => ({
  ...filterParams(filter),
  image: likePattern(filter.image),
  kind: likePattern(filter.kind),
  ended_by: likePattern(filter.endedBy),
  sandboxes: filter.sandboxes ?? filter.kind === 'sandbox',
  lived_under_ms: filter.livedUnderMs ?? 0,
  named: '',
});

/** Containers whose lifetime overlaps the filter's time, the last started first. */
export async function listContainers(store: Store, filter: ContainerFilter): Promise<ContainerRow[]> {
  return z.array(Container).parse(await store.rows(sql, paramsOf(filter)));
}

/**
 * Containers that a person may mean by `name`: the beginning of an id, NAMESPACE/POD/CONTAINER, NAMESPACE/POD, NAMESPACE/CONTAINER,
 * or the name of a container, a pod or an image. Those whose id begins so come alone; so do the containers of a pod without its sandbox, unless the sandbox is all.
 */
export async function findContainers(
  store: Store,
  name: string,
  places: Pick<EventFilter, 'cluster' | 'node' | 'namespace' | 'pod' | 'since' | 'until'>,
  limit: number,
): Promise<ContainerRow[]> {
  if (name === '') return [];
  const { cluster, node, namespace, pod, since, until } = places;
  const params = { ...paramsOf({ cluster, node, namespace, pod, since, until, limit, sandboxes: true }), named: name };
  const ofId = await store.rows(sql, { ...paramsOf({ cluster, node, container: name, limit, sandboxes: true }) });
  if (ofId.length > 0) return z.array(Container).parse(ofId);
  for (const sandboxes of [false, true]) {
    const found = await store.rows(sql, { ...params, sandboxes });
    if (found.length > 0) return z.array(Container).parse(found);
  }
  return [];
}
