// The collector of containerd: its stream of events over the socket, all namespaces, each event a record in the order of arrival; and the
// documents of containers and images, read in the moment an event names them. It only asks: containerd never waits for it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Collector, CollectorPlace } from '../collector.ts';
import { containerdApi as api, type Envelope } from './containerd-api.ts';
import { type ContainerdEvent, eventOf } from './containerd-events.ts';
import { type ContainerdLookUps, createContainerdLookUps, keyOf, type LookUpDeps } from './containerd-look-ups.ts';
import { resync } from './containerd-resync.ts';
import { connectUnix, type GrpcClient, RpcError } from './grpc-client.ts';
import { keepConnected } from './keep-connected.ts';
import { createKnownContainers } from './known-containers.ts';
import { createNumberedStream } from './numbered-stream.ts';
import { millisecondsOf } from './protobuf-json.ts';
import { createUndescribed } from './undescribed.ts';

export interface ContainerdOptions {
  /** Path of the unix socket, /run/containerd/containerd.sock as a rule. */
  socket: string;
}

/** containerd does not say when a subscription holds; it takes well under a millisecond. What it lists after this, or tells, is all there is. */
const SUBSCRIBED_MS = 50;
/** How exactly the beginning of a gap is known on a node where nothing happens. */
const HEARD_MS = 10_000;

/** What was asked in the last moment is still waited for. */
const LAST_LOOK_UPS_MS = 1_000;

interface Deps extends LookUpDeps {
  lookUps: ContainerdLookUps;
}

export function createContainerdCollector({ socket }: ContainerdOptions): Collector {
  return async (place) => {
    const deps = depsOf(place, `containerd:${socket}`);
    await keepConnected(place, `containerd at ${socket}`, (connected) => session(socket, deps, connected));
    deps.undescribed.flush();
    deps.known.save();
    await place.committed().catch(() => {}); // what cannot be written is the spool's to tell
  };
}

function depsOf(place: CollectorPlace, name: string): Deps {
  const stream = createNumberedStream(place, name);
  const known = createKnownContainers(place, name);
  const undescribed = createUndescribed(place, name);
  const deps = { place, stream, known, undescribed };
  return { ...deps, lookUps: createContainerdLookUps(deps) };
}

/** One connection, until it is lost. @throws RpcError */
async function session(socket: string, deps: Deps, connected: () => void): Promise<void> {
  const { lookUps, place, stream } = deps;
  const connection: Connection = { client: connectUnix(socket), removed: new Set() };
  const { client } = connection;
  const beat = setInterval(() => hear(connection, deps), HEARD_MS);
  stream.interrupted();
  try {
    const take = (envelope: Envelope) => follow(connection, deps, record(deps, envelope));
    const ended = client.stream(api.subscribe, {}, take, { signal: place.stop });
    await Promise.all([ended, list(connection, deps, connected)]);
    throw new RpcError('unavailable', 'the stream of events has ended');
  } finally {
    clearInterval(beat);
    await Promise.race([lookUps.idle(), sleep(LAST_LOOK_UPS_MS)]);
    lookUps.clear();
    client.close();
    await lookUps.idle();
  }
}

interface Connection {
  client: GrpcClient;
  /** Containers whose removal was seen while others were listed; undefined afterwards. */
  removed: Set<string> | undefined;
}

async function list(connection: Connection, deps: Deps, connected: () => void): Promise<void> {
  await connection.client.call(api.version, {});
  connected();
  await sleep(SUBSCRIBED_MS);
  await resync(connection.client, { ...deps, removed: connection.removed ?? new Set() });
  connection.removed = undefined;
}

function record({ stream }: Deps, envelope: Envelope): ContainerdEvent {
  const event = eventOf(envelope);
  stream.emit(event.json, { runtime_namespace: event.namespace }, millisecondsOf(envelope.timestamp));
  return event;
}

/** What an event causes to be looked up. */
function follow({ client, removed }: Connection, { known, lookUps }: Deps, event: ContainerdEvent): void {
  const { namespace, topic, body } = event;
  const text = (field: string) => (typeof body[field] === 'string' ? body[field] : '');
  const id = text('container_id') || text('id');
  const key = keyOf(namespace, id);
  if (id === '' && !topic.startsWith('/images/')) return;
  switch (topic) {
    case '/containers/create':
    case '/containers/update':
      lookUps.container(client, namespace, id);
      return;
    case '/tasks/create':
    case '/tasks/start':
      known.add(key).pid = Number(body['pid'] ?? 0);
      known.changed();
      if (!known.add(key).told) lookUps.container(client, namespace, id);
      return;
    case '/tasks/exit':
      if (text('id') === id) known.add(key).pid = 0;
      known.changed();
      return;
    case '/containers/delete':
      removed?.add(key);
      // that there is no document is found, and told, by asking for it
      if (known.get(key)?.told === false) lookUps.container(client, namespace, id);
      known.delete(key);
      return;
    case '/images/create':
    case '/images/update':
      lookUps.imageChanged(namespace, text('name'));
      lookUps.image(client, namespace, text('name'));
      return;
    case '/images/delete':
      lookUps.imageChanged(namespace, text('name'));
      return;
  }
}

/** Nothing happens, and it answers: nothing is missing up to now. */
function hear({ client, removed }: Connection, { stream, place }: Deps): void {
  if (removed) return; // what was missed before is not told yet
  const askedMs = place.now().getTime();
  client.call(api.version, {}).then(
    () => stream.heard(askedMs),
    () => {}, // the stream tells
  );
}
