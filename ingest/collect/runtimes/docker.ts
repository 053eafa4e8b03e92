// The collector of Docker: the daemon's stream of events over its socket, each event a record byte for byte in the order of arrival, and
// the inspect documents of containers and images, read in the moment an event names them.
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Collector, CollectorPlace } from '../collector.ts';
import { createDockerClient, type DockerClient } from './docker-client.ts';
import { ATTRS, createDockerLookUps, type DockerLookUps, parsed } from './docker-look-ups.ts';
import { createDockerReplay, type DockerReplay } from './docker-replay.ts';
import { reportInterruption } from './interruption.ts';
import { keepConnected } from './keep-connected.ts';
import { createKnownContainers, type KnownContainers } from './known-containers.ts';
import { beginListing } from './listing.ts';
import { createNumberedStream, type NumberedStream } from './numbered-stream.ts';
import { createUndescribed, type Undescribed } from './undescribed.ts';

export interface DockerOptions {
  /** Path of the unix socket, /var/run/docker.sock as a rule. */
  socket: string;
}

/** The daemon tells what it remembers at once: after this only what is new comes. */
const REPLAYED_MS = 200;
/** How exactly the beginning of a gap is known on a node where nothing happens. */
const HEARD_MS = 10_000;
/** What was asked in the last moment is still waited for. */
const LAST_LOOK_UPS_MS = 1_000;

interface Deps {
  place: CollectorPlace;
  stream: NumberedStream;
  known: KnownContainers;
  undescribed: Undescribed;
  replay: DockerReplay;
  lookUps: DockerLookUps;
}

export function createDockerCollector({ socket }: DockerOptions): Collector {
  return async (place) => {
    const deps = depsOf(place, `docker:${socket}`);
    await keepConnected(place, `Docker at ${socket}`, (connected) => session(socket, deps, connected));
    deps.undescribed.flush();
    deps.known.save();
    await place.committed().catch(() => {}); // what cannot be written is the spool's to tell
  };
}

function depsOf(place: CollectorPlace, name: string): Deps {
  const stream = createNumberedStream(place, name);
  const known = createKnownContainers(place, name);
  const undescribed = createUndescribed(place, name);
  const replay = createDockerReplay(place, name);
  return { place, stream, known, undescribed, replay, lookUps: createDockerLookUps({ stream, known, undescribed }) };
}

interface Connection {
  client: DockerClient;
  /** Containers whose removal was seen while others were listed; undefined afterwards. */
  removed: Set<string> | undefined;
}

/** One connection, until it is lost. @throws DockerError, or Node's error of the connection */
async function session(socket: string, deps: Deps, connected: () => void): Promise<void> {
  const { replay, place, lookUps, stream } = deps;
  const ending = new AbortController();
  const connection: Connection = { client: createDockerClient(socket, ending.signal), removed: new Set() };
  const { client } = connection;
  const beat = setInterval(() => hear(connection, deps), HEARD_MS);
  stream.interrupted();
  try {
    replay.begin();
    const since = replay.since();
    let opened = () => {};
    const isOpen = new Promise<void>((resolve) => {
      opened = resolve;
    });
    const path = since === undefined ? '/events' : `/events?since=${since}`;
    const ended = client.follow(path, opened, (line) => take(connection, deps, line), place.stop);
    await Promise.race([ended, isOpen]);
    connected();
    await Promise.all([ended, list(connection, deps)]);
  } finally {
    clearInterval(beat);
    await Promise.race([lookUps.idle(), sleep(LAST_LOOK_UPS_MS)]);
    lookUps.clear();
    ending.abort();
    await lookUps.idle();
  }
}

const Listed = z.array(z.object({ Id: z.string(), State: z.string().optional() }));

/** What is there, compared with what was known: a gap where the daemon did not tell all that happened meanwhile. */
async function list(connection: Connection, deps: Deps): Promise<void> {
  const { place, stream, replay, lookUps } = deps;
  const fromMs = stream.heardMs();
  const wasBefore = replay.since() !== undefined || fromMs !== undefined;
  await sleep(REPLAYED_MS, undefined, { signal: place.stop });
  const listing = beginListing(deps.known, deps.undescribed, connection.removed ?? new Set());
  const listed = Listed.safeParse(parsed(await connection.client.get('/containers/json?all=1'))).data ?? [];
  const isJoined = replay.isJoined();
  for (const { Id, State } of listed) {
    const entry = listing.take(Id);
    // after a gap it may run as another process
    if (entry && (!entry.told || (!isJoined && State === 'running'))) lookUps.container(connection.client, Id);
  }
  connection.removed = undefined;
  const compared = listing.end();
  const nowMs = place.now().getTime();
  const toMs = Math.min(nowMs, millisecondsOf(replay.firstNs()) ?? nowMs);
  if (wasBefore && !isJoined) reportInterruption(place, stream.name, { fromMs: fromMs ?? 0, toMs }, compared);
  stream.heard(nowMs);
}

const SECONDS_MAX = 9e9; // the year 2255: more would be no time of nineteen digits
/** Undefined for a time that was not told. */
const millisecondsOf = (nanoseconds = 0n) => (nanoseconds > 0n ? Number(nanoseconds / 1_000_000n) : undefined);
const Event = z.object({
  Type: z.string().default(''),
  Action: z.string().default(''),
  Actor: z.object({ ID: z.string().default('') }).prefault({}),
  time: z.number().int().nonnegative().max(SECONDS_MAX).catch(0),
});
// Nineteen digits are more than a number of JavaScript holds; a quote within a value is escaped.
const timeNanoOf = /(?<!\\)"timeNano"\s*:\s*(\d{1,19})\b/;

function take(connection: Connection, deps: Deps, line: Buffer): void {
  const event = Event.safeParse(parsed(line)).data;
  const nanoseconds = BigInt(timeNanoOf.exec(line.toString('latin1'))?.[1] ?? (event?.time ?? 0) * 1e9);
  if (!deps.replay.take(line, nanoseconds)) return;
  deps.stream.emit(line, ATTRS, millisecondsOf(nanoseconds));
  if (event) follow(connection, deps, event);
}

/** What an event causes to be looked up. */
function follow({ client, removed }: Connection, { known, lookUps }: Deps, event: z.infer<typeof Event>): void {
  const { ID: id } = event.Actor;
  switch (`${event.Type} ${event.Action}`) {
    case 'container create':
    case 'container start':
    case 'container update':
    case 'container rename':
      lookUps.container(client, id);
      return;
    case 'container destroy':
      removed?.add(id);
      // that there is no document is found, and told, by asking for it
      if (known.get(id)?.told === false) lookUps.container(client, id);
      known.delete(id);
      return;
    case 'image pull':
    case 'image tag':
    case 'image load':
    case 'image import':
      lookUps.imageChanged(id);
      lookUps.image(client, id);
      return;
    case 'image untag':
    case 'image delete':
      lookUps.imageChanged(id);
      return;
  }
}

/** Nothing happens, and it answers: nothing is missing up to now. */
function hear({ client, removed }: Connection, { stream, place }: Deps): void {
  if (removed) return; // what was missed before is not told yet
  const askedMs = place.now().getTime();
  client.get('/_ping').then(
    () => stream.heard(askedMs),
    () => {}, // the stream tells
  );
}
