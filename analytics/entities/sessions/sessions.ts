// Requests through the API joined to what they started: exec, attach, debug (an ephemeral container), port-forward.
//
// No id is shared: the runtime makes its exec id itself and no API record holds it. What joins them is the container, the order in
// time with the clocks' difference taken off, and the command. Probes start the same way with no request at all, so the command decides
// where a request and a probe fall together; where nobody saw the command, what goes by the beat of a probe is left alone.
import type { Clocks } from '../clocks/clocks.ts';
import { type Entry, ranCommand, type Start } from './session-starts.ts';
import { createStartTimes, type Placed } from './start-times.ts';

/** A request as sessions.sql gives it; times in microseconds since 1970, 0 unknown. */
export interface SessionRequest {
  cluster: string;
  audit_id: string;
  kind: string;
  principal: string;
  impersonated: string;
  source_ips: string[];
  user_agent: string;
  namespace: string;
  pod: string;
  container_name: string;
  command: string[];
  ports: string[];
  /** name=image of the ephemeral containers asked for. */
  ephemeral: string[];
  requested_us: number;
  completed_us: number;
  code: number;
  begin_digests: string[];
  end_digests: string[];
}

/** A container that a request may have meant. */
export interface Target {
  cluster: string;
  node: string;
  container_id: string;
  container_name: string;
  namespace: string;
  pod: string;
  pod_uid: string;
  begun_us: number;
  ended_us: number;
}

export type JoinMethod = '' | 'command' | 'command-by-audit' | 'time' | 'container-name' | 'container';

export interface JoinedSession {
  request: SessionRequest;
  target: Target | undefined;
  start: Start | undefined;
  entry: Entry | undefined;
  method: JoinMethod;
  confidence: number;
}

/** An exec that takes longer to start has timed out at the kubelet or the client. */
const AFTER_US_MAX = 10_000_000;
/**
 * Without a command only what starts at once is taken: the runtime hears of a request after some 10 ms, a busy node takes a second.
 */
const UNSEEN_AFTER_US_MAX = 2_000_000;
/** Events are stamped when they are sent, and kernels stamp in steps of 10 ms. */
const STAMP_US = 20_000;
/** A debug container starts when its image is there; pulling one takes minutes at worst. */
const DEBUG_AFTER_US_MAX = 600_000_000;
const CONFIDENCE: Record<JoinMethod, number> = {
  '': 0,
  command: 0.98,
  'command-by-audit': 0.9,
  time: 0.6,
  'container-name': 0.97,
  container: 0.95,
};

/** Each request with what it started, as far as that can be named. Pure; the order of the input does not matter. */
export function joinSessions(
  requests: readonly SessionRequest[],
  targets: readonly Target[],
  starts: readonly Start[],
  clocks: Clocks,
): JoinedSession[] {
  const byPod = groupBy(targets, podKey);
  const byContainer = groupBy(starts, containerKey);
  const times = new Map<string, ReturnType<typeof createStartTimes>>();
  const timesOf = (target: Target) => {
    const key = containerKey(target);
    const known = times.get(key) ?? createStartTimes(byContainer.get(key) ?? [], clocks);
    times.set(key, known);
    return known;
  };
  const sessions = requests.map((request) => {
    const alive = (byPod.get(podKey(request)) ?? []).filter((t) => mayMean(request, t, clocks));
    return { request, alive, joined: unjoined(request, request.kind === 'debug' ? undefined : onlyOf(alive)) };
  });
  const reached = sessions.filter(({ request }) => request.kind === 'exec' && request.code < 400);
  const taken = new Set<Start | Entry>();
  const asked = new Set<SessionRequest>();
  // surest pairs first, so that a vague request does not take another's process
  for (const seen of [true, undefined] as const) {
    const pairs = reached.flatMap((session) =>
      session.alive.flatMap((target) => {
        const { requested_us } = session.request;
        const near = timesOf(target).between(requested_us - STAMP_US, requested_us + AFTER_US_MAX + STAMP_US);
        return near.flatMap((placed) => pairUp(session, target, placed, seen, clocks));
      }),
    );
    const free = pairs.filter((p) => seen === true || !timesOf(p.target).isOnTheBeat(p.start));
    for (const pair of free.sort((a, b) => a.cost - b.cost || tie(a, b))) {
      const isTaken = taken.has(pair.start) || (pair.entry !== undefined && taken.has(pair.entry));
      if (isTaken || asked.has(pair.session.request)) continue;
      taken.add(pair.start);
      if (pair.entry !== undefined) taken.add(pair.entry);
      asked.add(pair.session.request);
      pair.session.joined = {
        ...{ request: pair.session.request, target: pair.target, start: pair.start, entry: pair.entry },
        method: pair.method,
        confidence: CONFIDENCE[pair.method],
      };
    }
  }
  return sessions.map(({ request, alive, joined }) => {
    if (request.code >= 400) return joined;
    if (request.kind === 'debug') return joinDebug(request, byPod.get(podKey(request)) ?? [], clocks);
    if (request.kind === 'attach' && alive.length === 1)
      return { ...joined, method: 'container', confidence: CONFIDENCE.container };
    return joined;
  });
}

/** Starts that no request was joined to: probes, hooks, and what came in past the API. */
export function leftOver(starts: readonly Start[], sessions: readonly JoinedSession[]): Start[] {
  const taken = new Set<Start | Entry | undefined>(sessions.flatMap((s) => [s.start, s.entry]));
  return starts.filter((s) => !taken.has(s)).map((s) => ({ ...s, entries: s.entries.filter((e) => !taken.has(e)) }));
}

interface Open {
  request: SessionRequest;
  joined: JoinedSession;
}

interface Pair {
  session: Open;
  target: Target;
  start: Start;
  entry: Entry | undefined;
  method: JoinMethod;
  cost: number;
}

function unjoined(request: SessionRequest, target: Target | undefined): JoinedSession {
  return { request, target, start: undefined, entry: undefined, method: '', confidence: 0 };
}

/** Of several containers none is named, but their pod and node are. */
function onlyOf(alive: readonly Target[]): Target | undefined {
  const [first] = alive;
  return first === undefined || alive.length === 1 ? first : { ...first, container_id: '', container_name: '' };
}

/** In the pod of that name there may have been others: who lived then. */
function mayMean(request: SessionRequest, target: Target, clocks: Clocks): boolean {
  if (request.container_name !== '' && request.container_name !== target.container_name) return false;
  const at = (us: number) => clocks.byApi({ cluster: target.cluster, node: target.node, layer: 'runtime', at_us: us });
  const begun = at(target.begun_us);
  const ended = at(target.ended_us);
  const begins = target.begun_us === 0 || request.requested_us >= begun.at_us - begun.uncertainty_us - STAMP_US;
  return begins && (target.ended_us === 0 || request.requested_us <= ended.at_us + ended.uncertainty_us + STAMP_US);
}

function pairUp(session: Open, target: Target, placed: Placed, seen: true | undefined, clocks: Clocks): Pair[] {
  const { request } = session;
  const { start } = placed;
  const late = placed.at_us - request.requested_us;
  const slack = placed.uncertainty_us + STAMP_US;
  if (late < -slack || late > (seen === true ? AFTER_US_MAX : UNSEEN_AFTER_US_MAX) + slack) return [];
  // what began after the request was over is not its own
  if (request.completed_us > 0 && placed.at_us > request.completed_us + slack) return [];
  const programs = start.entries.length === 0 ? [undefined] : start.entries;
  const fitting =
    seen === true
      ? programs.filter((e) => ranCommand(start, e, request.command) === true)
      : programs.filter(() => isUnseen(start, request)).slice(0, 1);
  const exited = start.exited_us > 0 && request.completed_us > 0;
  const { cluster, node, layer } = start;
  const ended = exited
    ? clocks.byApi({ cluster, node, layer, at_us: start.exited_us }).at_us - request.completed_us
    : 0;
  // an answer ends when the program does: with no command seen that has to hold
  if (seen === undefined && ended > slack) return [];
  const told = start.layer === 'runtime' ? 'command' : 'command-by-audit';
  return fitting.map((entry) => {
    // of several programs that the call may have started the next is the likeliest
    const waited = programs.length > 1 && entry !== undefined ? Math.max(entry.first_us - start.at_us, 0) : 0;
    // a start before the request's stamp is less likely than one after it
    const cost = (late >= 0 ? late : -4 * late) + Math.min(Math.abs(ended), AFTER_US_MAX) + waited;
    return { session, target, start, entry, method: seen === true ? told : 'time', cost };
  });
}

/** Nobody saw what it ran, or the request does not tell its command. */
function isUnseen(start: Start, request: SessionRequest): boolean {
  if (request.command.length === 0) return true;
  return start.entries.length <= 1 && ranCommand(start, start.entries[0], request.command) === undefined;
}

const tie = (a: Pair, b: Pair) =>
  a.start.at_us - b.start.at_us ||
  a.session.request.requested_us - b.session.request.requested_us ||
  (a.session.request.audit_id + a.start.exec_id < b.session.request.audit_id + b.start.exec_id ? -1 : 1);

/** The ephemeral container of a name asked for that began next. */
function joinDebug(request: SessionRequest, targets: readonly Target[], clocks: Clocks): JoinedSession {
  const names = new Set(request.ephemeral.map((e) => e.split('=')[0]));
  const next = targets
    .filter((t) => names.has(t.container_name))
    .map((target) => {
      const begun = clocks.byApi({
        cluster: target.cluster,
        node: target.node,
        layer: 'runtime',
        at_us: target.begun_us,
      });
      return { target, late: begun.at_us - request.requested_us, slack: begun.uncertainty_us + STAMP_US };
    })
    .filter((c) => c.target.begun_us > 0 && c.late >= -c.slack && c.late <= DEBUG_AFTER_US_MAX + c.slack)
    .sort((a, b) => a.late - b.late)[0];
  if (next === undefined) return unjoined(request, undefined);
  const method = 'container-name';
  return { ...unjoined(request, next.target), method, confidence: CONFIDENCE[method] };
}

const podKey = (at: { cluster: string; namespace: string; pod: string }) =>
  [at.cluster, at.namespace, at.pod].join('\0');
const containerKey = (at: { cluster: string; node: string; container_id: string }) =>
  [at.cluster, at.node, at.container_id].join('\0');

function groupBy<T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group === undefined) groups.set(key(row), [row]);
    else group.push(row);
  }
  return groups;
}
