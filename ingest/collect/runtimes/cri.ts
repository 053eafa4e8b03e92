// The collector of a CRI runtime (CRI-O, or containerd as the kubelet sees it): its stream of container events where it has one that may
// be read, and statuses of containers and sandboxes. What the stream does not tell is found by listing; without a stream, every second.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Collector, CollectorPlace } from '../collector.ts';
import { criApi as api, type CriEvent, type CriListed } from './cri-api.ts';
import { criEventOf } from './cri-documents.ts';
import { ATTRS, type CriKind, type CriLookUps, createCriLookUps } from './cri-look-ups.ts';
import { connectUnix, type GrpcClient, RpcError } from './grpc-client.ts';
import { type Compared, reportInterruption } from './interruption.ts';
import { keepConnected } from './keep-connected.ts';
import { createKnownContainers, type KnownContainers } from './known-containers.ts';
import { beginListing } from './listing.ts';
import { createNumberedStream, type NumberedStream } from './numbered-stream.ts';
import { createUndescribed, type Undescribed } from './undescribed.ts';

export interface CriOptions {
  /** Path of the unix socket, /var/run/crio/crio.sock or containerd's. */
  socket: string;
  listBesideStreamMs?: number;
}

/** A container that ended stays listed until the kubelet removes it, after some seconds as a rule. */
const LIST_MS = 1_000;
/** Beside a stream: it may tell nothing (CRI-O has events off by default). */
const LIST_BESIDE_STREAM_MS = 10_000;
/** A subscription holds after well under a millisecond; what is listed after this, or told, is all there is. */
const SUBSCRIBED_MS = 50;
/** What was asked in the last moment is still waited for. */
const LAST_LOOK_UPS_MS = 1_000;

interface Deps {
  place: CollectorPlace;
  stream: NumberedStream;
  known: KnownContainers;
  undescribed: Undescribed;
  lookUps: CriLookUps;
  listBesideStreamMs: number;
  /** For the person who reads the log, each text once. */
  sayOnce(text: string): void;
}

export function createCriCollector({ socket, listBesideStreamMs = LIST_BESIDE_STREAM_MS }: CriOptions): Collector {
  return async (place) => {
    const deps = { ...depsOf(place, `cri:${socket}`), listBesideStreamMs };
    await keepConnected(place, `the CRI runtime at ${socket}`, (connected) => session(socket, deps, connected));
    deps.undescribed.flush();
    deps.known.save();
    await place.committed().catch(() => {}); // what cannot be written is the spool's to tell
  };
}

function depsOf(place: CollectorPlace, name: string): Omit<Deps, 'listBesideStreamMs'> {
  const stream = createNumberedStream(place, name);
  const known = createKnownContainers(place, name);
  const undescribed = createUndescribed(place, name);
  const lookUps = createCriLookUps({ place, stream, known, undescribed });
  const said = new Set<string>();
  const sayOnce = (text: string) => {
    if (!said.has(text)) place.say(text);
    said.add(text);
  };
  return { place, stream, known, undescribed, lookUps, sayOnce };
}

interface Connection {
  client: GrpcClient;
  /** Events of it are read; false where it has none. */
  hasEvents: boolean;
  /** Containers whose removal was told since the last listing. */
  removed: Set<string>;
  /** Listed and told by no event so far. */
  untold: Set<string>;
}

/** One connection, until it is lost. @throws RpcError */
async function session(socket: string, deps: Deps, connected: () => void): Promise<void> {
  const { lookUps, stream } = deps;
  const client = connectUnix(socket);
  stream.interrupted();
  try {
    const version = await client.call(api.version, {});
    connected();
    const connection: Connection = { client, hasEvents: isShared(version), removed: new Set(), untold: new Set() };
    if (!connection.hasEvents) deps.sayOnce(`${NOT_SHARED}; ${LISTED_INSTEAD}`);
    await Promise.all([subscribe(connection, deps), list(connection, deps)]);
  } finally {
    await Promise.race([lookUps.idle(), sleep(LAST_LOOK_UPS_MS)]);
    lookUps.clear();
    client.close();
    await lookUps.idle();
  }
}

const LISTED_INSTEAD = 'containers are listed every second instead: shorter ones may be missed';
const NOT_SHARED = 'containerd before 2.0 gives each container event to one reader only, and the kubelet may be it';

/**
 * containerd 1.7 has one queue for all who read events: what this would read, the kubelet would not see
 * (https://github.com/containerd/containerd/issues/7318).
 */
const isShared = ({ runtimeName, runtimeVersion = '' }: { runtimeName?: string; runtimeVersion?: string }) =>
  runtimeName !== 'containerd' || !/^v?1\./.test(runtimeVersion);

/** @throws RpcError when the stream ends; resolves where there is none */
async function subscribe(connection: Connection, deps: Deps): Promise<void> {
  if (!connection.hasEvents) return;
  try {
    const take = (bytes: Buffer) => follow(connection, deps, record(deps, bytes));
    await connection.client.stream(api.events, {}, take, { signal: deps.place.stop });
  } catch (error) {
    if (!(error instanceof RpcError) || error.code !== 'unimplemented') throw error;
    deps.sayOnce(`the CRI runtime has no container events; ${LISTED_INSTEAD}`);
    connection.hasEvents = false;
    return;
  }
  throw new RpcError('unavailable', 'the stream of events has ended');
}

function record({ stream }: Deps, bytes: Buffer): CriEvent {
  const { event, json } = criEventOf(bytes);
  const ms = Math.floor(Number(event.createdAt ?? 0) / 1e6);
  stream.emit(json, ATTRS, ms > 0 ? ms : undefined);
  return event;
}

/** What an event causes to be looked up. */
function follow({ client, removed, untold }: Connection, { known, lookUps }: Deps, event: CriEvent): void {
  const { containerId: id = '', containerEventType: type = 'CONTAINER_CREATED_EVENT', podSandboxStatus } = event;
  const kind: CriKind = podSandboxStatus?.id === id ? 'sandbox' : 'container';
  const state = stateAfter[type];
  if (id === '') return;
  untold.delete(id);
  if (type === 'CONTAINER_DELETED_EVENT') {
    removed.add(id);
    // that there is no status is found, and told, by asking for it
    if (known.get(id)?.told === false) lookUps.status(client, kind, id);
    known.delete(id);
  } else if (state) {
    known.add(id).version = state[kind];
    known.changed();
    lookUps.status(client, kind, id);
  }
}

const stateAfter: Readonly<Record<string, Record<CriKind, string>>> = {
  CONTAINER_CREATED_EVENT: { container: 'CONTAINER_CREATED', sandbox: 'SANDBOX_READY' },
  CONTAINER_STARTED_EVENT: { container: 'CONTAINER_RUNNING', sandbox: 'SANDBOX_READY' },
  CONTAINER_STOPPED_EVENT: { container: 'CONTAINER_EXITED', sandbox: 'SANDBOX_NOTREADY' },
};

/** Lists again and again. @throws RpcError when the connection is lost, or the collector is to end */
async function list(connection: Connection, deps: Deps): Promise<never> {
  const { place, stream } = deps;
  await sleep(SUBSCRIBED_MS, undefined, { signal: place.stop });
  const fromMs = stream.heardMs();
  for (let isFirst = true; ; isFirst = false) {
    if (connection.hasEvents && connection.untold.size > 0) {
      deps.sayOnce(`the CRI runtime tells no container events (they may be off); ${LISTED_INSTEAD}`);
      connection.hasEvents = false;
    }
    const askedMs = place.now().getTime();
    const compared = await compare(connection, deps);
    const toMs = place.now().getTime();
    if (isFirst && fromMs !== undefined) reportInterruption(place, stream.name, { fromMs, toMs }, compared);
    if (isFirst) connection.untold.clear();
    stream.heard(isFirst ? toMs : askedMs);
    await sleep(connection.hasEvents ? deps.listBesideStreamMs : LIST_MS, undefined, { signal: place.stop });
  }
}

/** Describes what is new, or in another state than was told. */
async function compare({ client, removed, untold }: Connection, deps: Deps): Promise<Compared> {
  const listing = beginListing(deps.known, deps.undescribed, removed);
  const { items: sandboxes = [] } = await client.call(api.sandboxes, {});
  const { containers = [] } = await client.call(api.containers, {});
  const take = (kind: CriKind, { id = '', state = FIRST_STATE[kind] }: CriListed) => {
    if (deps.known.get(id) === undefined) untold.add(id);
    const entry = listing.take(id);
    if (entry === undefined || (entry.told && entry.version === state)) return;
    entry.version = state;
    deps.lookUps.status(client, kind, id);
  };
  for (const sandbox of sandboxes) take('sandbox', sandbox);
  for (const container of containers) take('container', container);
  removed.clear();
  return listing.end();
}

/** Protobuf leaves the first of an enumeration out. */
const FIRST_STATE = { container: 'CONTAINER_CREATED', sandbox: 'SANDBOX_READY' };
