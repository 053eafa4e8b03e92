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
  created_at: z.string().nullable(),
  started_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  exit_status: z.number().nullable(),
  privileged: z.boolean(),
  findings: z.number(),
});

/** One container as a list shows it; times and exit status are null when not known. */
export type ContainerRow = z.infer<typeof Container>;

export interface ContainerFilter extends EventFilter {
  /** `*` for any text. */
  image?: string | undefined;
  /** Pod sandboxes too. */
  sandboxes?: boolean | undefined;
}

/** Containers whose lifetime overlaps the filter's time, the last started first. */
export async function listContainers(store: Store, filter: ContainerFilter): Promise<ContainerRow[]> {
  const rows = await store.rows(sql, {
    ...filterParams(filter),
    image: likePattern(filter.image),
    sandboxes: filter.sandboxes ?? false,
  });
  return z.array(Container).parse(rows);
}
