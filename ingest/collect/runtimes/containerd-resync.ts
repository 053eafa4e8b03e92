// After each connection to containerd: what is there is listed and compared with what was known, so that containers which began while
// nobody looked are described, with their pids, and the interruption becomes a gap.
import { containerdApi as api, type Container, type Task } from './containerd-api.ts';
import { type ContainerdLookUps, inNamespace, keyOf, type LookUpDeps } from './containerd-look-ups.ts';
import { type GrpcClient, RpcError } from './grpc-client.ts';
import { reportInterruption } from './interruption.ts';
import type { KnownContainer } from './known-containers.ts';
import { beginListing } from './listing.ts';
import { rfc3339 } from './protobuf-json.ts';

interface ResyncDeps extends LookUpDeps {
  lookUps: ContainerdLookUps;
  /** Containers whose removal was seen since the stream began. */
  removed: ReadonlySet<string>;
}

/** @throws RpcError when the connection is lost */
export async function resync(client: GrpcClient, deps: ResyncDeps): Promise<void> {
  const { stream, place } = deps;
  const fromMs = stream.heardMs();
  const listing = beginListing(deps.known, deps.undescribed, deps.removed);
  const { namespaces = [] } = await client.call(api.namespaces, {});
  for (const { name: namespace = '' } of namespaces) {
    const tasks = await tasksOf(client, namespace);
    const take = (container: Container) => {
      const { id = '' } = container;
      const entry = listing.take(keyOf(namespace, id));
      const task = tasks.get(id);
      if (entry && isNews(entry, container, task)) deps.lookUps.container(client, namespace, id, task);
    };
    const options = { headers: inNamespace(namespace), signal: place.stop };
    await client.stream(api.containers, {}, ({ container }) => container && take(container), options);
  }
  const compared = listing.end();
  deps.known.changed();
  const toMs = place.now().getTime();
  if (fromMs !== undefined) reportInterruption(place, stream.name, { fromMs, toMs }, compared);
  stream.heard(toMs);
}

/** Whether its document, or its process, is another than was told. */
function isNews(entry: KnownContainer, container: Container, task: Task | undefined): boolean {
  const pidBefore = entry.pid;
  entry.pid = task?.pid ?? 0;
  return !entry.told || entry.pid !== pidBefore || entry.version !== rfc3339(container.updated_at);
}

/** A shim that hangs must not keep the containers from being listed. */
async function tasksOf(client: GrpcClient, namespace: string): Promise<Map<string, Task>> {
  try {
    const { tasks = [] } = await client.call(api.tasks, {}, inNamespace(namespace));
    // one that has ended has no process
    const live = tasks.filter(({ status }) => status !== 'STOPPED');
    return new Map(live.map((task) => [task.container_id || (task.id ?? ''), task]));
  } catch (error) {
    if (error instanceof RpcError && error.code !== 'unavailable') return new Map();
    throw error;
  }
}
