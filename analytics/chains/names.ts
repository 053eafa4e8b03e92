// What entities are called, for people.
import { type EntityId, keyOf, kindOf } from './graph.ts';
import { commandOf, type Growth } from './growth.ts';

export interface Names {
  /** By container id. */
  containers: Map<string, string>;
  /** By UID: what it is called; and its `namespace/name`, where requests speak of it. */
  objects: Map<string, { name: string; path: string | undefined }>;
}

/** Names of all containers and objects that growth reached. */
export async function readNames({ graph, lookup }: Growth): Promise<Names> {
  const of = (kind: string) => [...graph.entities.keys()].filter((e) => kindOf(e) === kind).map(keyOf);
  const containers = new Map<string, string>();
  for (const c of await lookup.containers(of('container'), [])) {
    // one started past Kubernetes belongs to no pod
    containers.set(
      c.id,
      c.pod === '' ? `${c.id.slice(0, 12)} of no pod` : `${c.namespace}/${c.pod}/${c.name || c.kind}`,
    );
  }
  const objects = new Map<string, { name: string; path: string | undefined }>();
  for (const o of await lookup.ownersOf(of('object'))) {
    if (o.name === '') continue;
    objects.set(o.uid, { name: objectName(o), path: o.audit_id === '' ? undefined : `${o.namespace}/${o.name}` });
  }
  return { containers, objects };
}

/** `pods shop/web-1`, `clusterrolebindings all-to-me`. */
export const objectName = ({
  resource,
  namespace,
  name,
}: {
  resource: string;
  namespace: string;
  name: string;
}): string => `${resource} ${namespace === '' ? '' : `${namespace}/`}${name}`;

export function nameOf(growth: Growth, id: EntityId, names: Names): string {
  const process = growth.processes.get(id);
  if (process !== undefined) return `${process.pid} ${commandOf(process)}`;
  const request = growth.requests.get(id);
  if (request !== undefined) {
    const what = request.subresource === '' ? request.resource : `${request.resource}/${request.subresource}`;
    return [request.principal, request.verb, what, `${request.namespace}/${request.name}`]
      .filter((w) => w !== '' && w !== '/')
      .join(' ');
  }
  return names.containers.get(keyOf(id)) ?? names.objects.get(keyOf(id))?.name ?? keyOf(id);
}
