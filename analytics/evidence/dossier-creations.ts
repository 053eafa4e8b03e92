// Who made it: the create request of a container's pod, of the pod's owner, of that one's owner, as far as records go.
import { z } from 'zod';
import type { ContainerLife } from '../queries/container.ts';
import type { Store } from '../store/store.ts';
import createRequest from './dossier-create.sql';

// Pod, ReplicaSet, Deployment, and two more for custom controllers.
const OWNERS_MAX = 5;

const Request = z.object({
  audit_id: z.string(),
  time: z.string(),
  principal: z.string(),
  source_ips: z.array(z.string()),
  user_agent: z.string(),
  credential_id: z.string(),
  owner_kind: z.string(),
  owner_name: z.string(),
  digests: z.array(z.string()),
});

/** An object on the way down to the container; `request` is null when its creation is not in the records. */
export interface Creation {
  kind: string;
  namespace: string;
  name: string;
  request: Omit<z.infer<typeof Request>, 'owner_kind' | 'owner_name'> | null;
}

export async function readCreations(store: Store, life: ContainerLife): Promise<Creation[]> {
  const pod = life.pod_object;
  const { cluster, namespace } = life;
  const creations: Creation[] = [];
  let next = life.pod === '' ? undefined : { kind: 'Pod', name: life.pod };
  while (next && creations.length < OWNERS_MAX) {
    const { kind, name } = next;
    const resource = `${kind.toLowerCase()}s`;
    const [row] = await store.rows(createRequest, { cluster, resource, namespace, name, audit_id: '' });
    const found = row && Request.parse(row);
    const { owner_kind, owner_name, ...request } = found ?? { owner_kind: '', owner_name: '' };
    creations.push({ kind, namespace, name, request: found ? (request as Creation['request']) : null });
    const owner = owner_name !== '' ? { kind: owner_kind, name: owner_name } : undefined;
    // of the pod its own table knows more than the create request: the owner may only stand in a later body
    const ofPod =
      kind === 'Pod' && pod && pod.owner_name !== '' ? { kind: pod.owner_kind, name: pod.owner_name } : undefined;
    next = owner ?? ofPod;
    if (next && creations.some((c) => c.kind === next?.kind && c.name === next.name)) next = undefined;
  }
  return creations;
}
