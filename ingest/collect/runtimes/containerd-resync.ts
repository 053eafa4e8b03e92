// After each connection to containerd: what is there is listed and compared with what was known, so that containers which began while
// nobody looked are described, with their pids, and the interruption becomes a gap.
import { containerdApi as api, type Container, type Task } from './containerd-api.ts';
import { type ContainerdLookUps, inNamespace, keyOf, type LookUpDeps } from './containerd-look-ups.ts';
import { type GrpcClient, RpcError } from './grpc-client.ts';
import { reportInterruption } from './interruption.ts';
import { rfc3339 } from './protobuf-json.ts';

interface ResyncDeps extends LookUpDeps {
  lookUps: ContainerdLookUps;
  /** Containers whose removal was seen since the stream began. */
  removed: ReadonlySet<string>;
}

/** @throws RpcError when the connection is lost */
export async function resync(client: GrpcClient, deps: ResyncDeps): Promise<void> {
  const { known, stream, place } = deps;
  const fromMs = stream.heardMs();
  const before = known.keys();
  const listed = new Set<string>();
  let appeared = 0;
  const { namespaces = [] } = await client.call(api.namespaces, {});
  for (const { name: namespace = '' } of namespaces) {
    const tasks = await tasksOf(client, namespace);
    const take = (container: Container) => {
      const key = keyOf(namespace, container.id ?? '');
      if (deps.removed.has(key)) return;
      listed.add(key);
      if (known.get(key) === undefined) appeared++;
      takeListed(client, deps, namespace, container, tasks.get(container.id ?? ''));
    };
    const options = { headers: inNamespace(namespace), signal: place.stop };
    await client.stream(api.containers, {}, ({ container }) => container && take(container), options);
  }
  const vanished = before.filter((key) => !listed.has(key) && known.get(key) !== undefined);
  for (const key of vanished) {
    if (!known.get(key)?.told) deps.undescribed.add(key);
    known.delete(key);
  }
  if (fromMs !== undefined) reportInterruption(place, stream.name, fromMs, { appeared, vanished: vanished.length });
  stream.heard(place.now().getTime());
}

/** Describes it where its document, or its process, is another than was told. */
function takeListed(client: GrpcClient, deps: ResyncDeps, namespace: string, container: Container, task?: Task): void {
  const entry = deps.known.add(keyOf(namespace, container.id ?? ''));
  const pid = task?.status === 'STOPPED' ? 0 : (task?.pid ?? 0);
  const isTold = entry.told && entry.pid === pid && entry.version === rfc3339(container.updated_at);
  if (entry.pid !== pid) {
    entry.pid = pid;
    deps.known.changed();
  }
  if (!isTold) deps.lookUps.container(client, namespace, container.id ?? '', pid > 0 ? task : undefined);
}

/** A shim that hangs must not keep the containers from being listed. */
async function tasksOf(client: GrpcClient, namespace: string): Promise<Map<string, Task>> {
  try {
    const { tasks = [] } = await client.call(api.tasks, {}, inNamespace(namespace));
    return new Map(tasks.map((task) => [task.container_id || (task.id ?? ''), task]));
  } catch (error) {
    if (error instanceof RpcError && error.code !== 'unavailable') return new Map();
    throw error;
  }
}
