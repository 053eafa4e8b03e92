// Credentials used where they do not belong: a token from an address that is not its pod's, or after its pod had ended; a service account's
// free token or a component's certificate from a second place; another program with a pod's token. Each is a fact on its own, with how sure
// it is: what the API server sees of an address is not always whose it is. docs/reference/actors.md says how NAT, proxies and load balancers
// are told from thieves.
//
// Pure: ways (token-ways.sql) and what their addresses are (token-peers.sql) give the facts.

import {
  createScene,
  groupBy,
  isLoopback,
  NODE,
  type Peer,
  type PodAtAddress,
  type Scene,
  type Way,
} from './token-scene.ts';

export type TokenUseKind = 'other-pod' | 'other-node' | 'elsewhere' | 'after-end' | 'other-agent';

export interface TokenUse {
  kind: TokenUseKind;
  of: Way;
  agents: string[];
  found?: PodAtAddress | undefined;
  found_node: string;
  first: Way;
  last: Way;
  requests: number;
  refused: number;
  confidence: number;
  reason: string;
}

/** The API server takes a bound token for so long after its pod was deleted (kube-apiserver, maxBoundTokenGraceperiod); clocks fit in. */
const AFTER_END_MS_MIN = 60_000;
/** Clocks of API server and runtime; a pod's address is told a moment after it begins to use it. */
const ADDRESS_SLACK_MS = 5_000;
/** A home is a place one came from more than in passing. */
const HOME_REQUESTS_MIN = 5;
/** An address that comes back on so many days is a second home: a new runner, an operator's other office. */
const DAYS_OF_A_HOME = 3;
/** Below so many requests a program's habit is not known; and a new one is rare beside it. */
const HABIT_REQUESTS_MIN = 20;
const HABIT_MS_MIN = 60_000;
const RARE_SHARE_MAX = 0.1;
const ACCOUNT = 'system:serviceaccount:';

/** Facts, in order of time. */
export function findTokenUses(ways: readonly Way[], peers: readonly Peer[]): TokenUse[] {
  const found: TokenUse[] = [];
  for (const [cluster, own] of groupBy(ways, (w) => w.cluster)) {
    const scene = createScene(
      own.filter((w) => !isLoopback(w.peer)),
      peers.filter((p) => p.cluster === cluster),
    );
    found.push(...boundTokens(scene), ...endedPods(scene), ...freeTokens(scene), ...certificates(scene));
    found.push(...people(scene), ...otherAgents(scene));
  }
  return found.sort((a, b) => a.first.first_seen - b.first.first_seen || (a.kind < b.kind ? -1 : 1));
}

/** Tokens bound to a pod, from an address that is not its. */
function boundTokens(scene: Scene): TokenUse[] {
  const away = scene.ways.filter((w) => w.pod_uid !== '' && !scene.isHome(w));
  return eachUse(away, (uses, of) => {
    const { found, node } = whoHas(scene, of, uses);
    const confidence = sureOfBound(scene, of, found !== undefined);
    if (confidence === 0) return undefined;
    const kind = found !== undefined ? 'other-pod' : node !== '' ? 'other-node' : 'elsewhere';
    const place =
      found !== undefined ? `pod ${found.name} has it` : node !== '' ? `node ${node} has it` : 'no pod or node has it';
    const own = of.ips.length > 0 ? ` (${of.ips.join(', ')})` : of.node === '' ? '' : ` (on ${of.node})`;
    const reason = `a token bound to pod ${of.namespace}/${of.pod}${own} was used from ${of.peer}; ${place}`;
    return { kind, found, found_node: node, confidence, reason };
  });
}

function sureOfBound(scene: Scene, way: Way, isPods: boolean): number {
  const proxy = scene.isProxy(way.peer);
  if (scene.atHome.has(way.pod_uid)) return proxy ? 0.5 : 0.95;
  if (scene.keepsAddresses.has(way.node)) return proxy ? 0.5 : 0.85;
  if (proxy) return 0;
  const isTold = way.ips.length > 0 || way.host_network;
  // its place is told and nobody of its node was ever seen with an address of its own: it may be how all of them look
  if (isTold) return isPods ? 0.6 : 0;
  return isPods ? 0.7 : 0.5;
}

/** The pod, or the node, that had the address at the time. */
function whoHas(scene: Scene, of: Way, uses: readonly Way[]): { found: PodAtAddress | undefined; node: string } {
  const peer = scene.peer(of.peer);
  const [from, to] = [uses[0]?.first_seen ?? 0, Math.max(...uses.map((w) => w.last_seen))];
  const lived = (p: PodAtAddress) =>
    p.begins_at <= to + ADDRESS_SLACK_MS && (p.ends_at === 0 || p.ends_at >= from - ADDRESS_SLACK_MS);
  return { found: peer?.pods.findLast((p) => p.uid !== of.pod_uid && lived(p)), node: peer?.node ?? '' };
}

/** Bound tokens after their pod's end: wherever they came from, nothing of that pod ran. */
function endedPods(scene: Scene): TokenUse[] {
  const late = scene.ways.filter(
    (w) => w.pod_uid !== '' && w.pod_ended_at > 0 && w.last_seen > w.pod_ended_at + AFTER_END_MS_MIN,
  );
  return eachUse(late, (_uses, of) => ({
    kind: 'after-end',
    found_node: scene.peer(of.peer)?.node ?? '',
    confidence: 0.9,
    reason: `a token bound to pod ${of.namespace}/${of.pod} was used from ${of.peer} after the pod had ended at ${new Date(of.pod_ended_at).toISOString()}`,
  }));
}

/** Service accounts with a token that is bound to no pod, from a second place while the first is in use. */
function freeTokens(scene: Scene): TokenUse[] {
  const accounts = groupBy(
    scene.ways.filter((w) => w.username.startsWith(ACCOUNT)),
    (w) => w.username,
  );
  return [...accounts.values()].flatMap((ways) => {
    const belongs = (w: Way) =>
      w.pod_uid !== '' ||
      (scene.peer(w.peer)?.node ?? '') !== '' ||
      scene.peer(w.peer)?.pods.some((p) => p.account === w.username) === true;
    return secondPlaces(
      scene,
      ways,
      ways.filter((w) => !belongs(w)),
      'a token of service account',
    );
  });
}

/** Certificates of the cluster's own components. */
function certificates(scene: Scene): TokenUse[] {
  const own = scene.ways.filter(
    (w) => w.username.startsWith('system:') && !w.username.startsWith(ACCOUNT) && w.username !== 'system:apiserver',
  );
  const nodes = own.filter((w) => w.username.startsWith(NODE));
  const away = nodes.filter((w) => {
    const name = w.username.slice(NODE.length);
    const isKnown = nodes.some((n) => n.username === w.username && scene.peer(n.peer)?.node === name);
    return isKnown && scene.peer(w.peer)?.node !== name && !scene.isProxy(w.peer);
  });
  const ofNodes = eachUse(away, (uses, of) => {
    const { found, node } = whoHas(scene, of, uses);
    const isKubelet = uses.every((w) => w.agent.startsWith('kubelet'));
    const kind = found !== undefined ? 'other-pod' : node !== '' ? 'other-node' : 'elsewhere';
    const reason = `the credential of node ${of.username.slice(NODE.length)} was used from ${of.peer}, which is not the node's address`;
    return { kind, found, found_node: node, confidence: isKubelet ? 0.6 : 0.9, reason };
  });
  const components = groupBy(
    own.filter((w) => !w.username.startsWith(NODE) && w.credential_id !== ''),
    (w) => `${w.username}\0${w.credential_id}`,
  );
  const ofComponents = [...components.values()].flatMap((ways) =>
    secondPlaces(scene, ways, ways, 'the certificate of'),
  );
  return [...ofNodes, ...ofComponents];
}

/** People travel, but not into pods: their credentials from a pod's address while they work elsewhere. Through a gateway come several. */
function people(scene: Scene): TokenUse[] {
  const own = groupBy(
    scene.ways.filter((w) => !w.username.startsWith('system:')),
    (w) => `${w.username}\0${w.credential_id}`,
  );
  return [...own.values()].flatMap((ways) => {
    const inPods = ways.filter((w) => {
      const names = new Set(scene.peer(w.peer)?.people.map((p) => p.name));
      return names.size < 2 && whoHas(scene, w, [w]).found !== undefined;
    });
    return secondPlaces(scene, ways, inPods, 'a credential of');
  });
}

/** A place that is new while an older one is in use, and does not become a home itself. */
function secondPlaces(scene: Scene, all: readonly Way[], strange: readonly Way[], what: string): TokenUse[] {
  const places = [...groupBy(all, (w) => w.peer).entries()].map(([address, ways]) => ({
    address,
    first: Math.min(...ways.map((w) => w.first_seen)),
    last: Math.max(...ways.map((w) => w.last_seen)),
    requests: sum(ways, (w) => w.requests),
    days: Math.max(...ways.map((w) => w.days)),
  }));
  return eachUse(strange, (_uses, of) => {
    const here = places.find((p) => p.address === of.peer);
    if (here === undefined || here.days >= DAYS_OF_A_HOME || scene.isProxy(of.peer)) return undefined;
    const homes = places.filter(
      (p) => p.first < here.first && p.last > here.first && p.requests >= HOME_REQUESTS_MIN && p.address !== of.peer,
    );
    if (homes.length === 0 || homes.some((p) => isSameNetwork(p.address, of.peer))) return undefined;
    const known = scene.peer(of.peer)?.people.find((p) => p.since < here.first && p.name !== of.username);
    const { found, node } = whoHas(scene, of, [of]);
    const told = known === undefined ? '' : `; ${known.name} had come from there before`;
    const places_ = homes.map((p) => p.address);
    return {
      kind: found !== undefined ? 'other-pod' : node !== '' ? 'other-node' : 'elsewhere',
      found,
      found_node: node,
      confidence: homes.length > 2 ? 0.4 : known === undefined ? 0.7 : 0.5,
      reason: `${what} ${of.username} was used from ${of.peer}, where it never was before, while it was in use from ${places_.slice(0, 3).join(', ')}${told}`,
    };
  });
}

/** A program that is new to a pod's token, or to a node's credential, at home. */
function otherAgents(scene: Scene): TokenUse[] {
  const bound = scene.ways.filter((w) => w.pod_uid !== '' && scene.isHome(w));
  const strange = [...groupBy(bound, (w) => w.pod_uid).values()].flatMap((ways) => {
    const programs = [...groupBy(ways, (w) => program(w.agent)).values()];
    const total = sum(ways, (w) => w.requests);
    const [habit] = programs.toSorted((a, b) => sum(b, (w) => w.requests) - sum(a, (w) => w.requests));
    if (habit === undefined || sum(habit, (w) => w.requests) < HABIT_REQUESTS_MIN) return [];
    const since = Math.min(...habit.map((w) => w.first_seen));
    return programs
      .filter((p) => p !== habit && sum(p, (w) => w.requests) <= RARE_SHARE_MAX * total)
      .flat()
      .filter((w) => w.first_seen >= since + HABIT_MS_MIN);
  });
  const nodes = scene.ways.filter(
    (w) =>
      w.username.startsWith(NODE) &&
      !w.agent.startsWith('kubelet') &&
      scene.peer(w.peer)?.node === w.username.slice(NODE.length),
  );
  return eachUse([...strange, ...nodes], (uses, of) => ({
    kind: 'other-agent',
    found_node: scene.peer(of.peer)?.node ?? '',
    confidence: of.username.startsWith(NODE) ? 0.5 : 0.4,
    reason: `${of.pod_uid === '' ? `the credential of node ${of.username.slice(NODE.length)}` : `a token bound to pod ${of.namespace}/${of.pod}`} was used by ${[...new Set(uses.map((w) => program(w.agent)))].join(', ')}, not by the program that uses it else`,
  }));
}

type Judgement = Pick<TokenUse, 'kind' | 'found_node' | 'confidence' | 'reason'> & { found?: PodAtAddress | undefined };

/** Ways of one credential from one address are one use. */
function eachUse(ways: readonly Way[], judge: (uses: readonly Way[], of: Way) => Judgement | undefined): TokenUse[] {
  const uses = groupBy(ways, (w) => [w.username, w.credential_id, w.pod_uid, w.peer].join('\0'));
  return [...uses.values()].flatMap((same) => {
    const [first] = same;
    const judged = first === undefined ? undefined : judge(same, first);
    if (first === undefined || judged === undefined) return [];
    const last = same.reduce((a, b) => (b.last_seen > a.last_seen ? b : a));
    const agents = [...new Set(same.map((w) => w.agent))].sort();
    const counts = { requests: sum(same, (w) => w.requests), refused: sum(same, (w) => w.refused) };
    return [{ ...judged, of: first, agents, first, last, ...counts }];
  });
}

const program = (agent: string) => agent.split(/[/ ]/)[0] ?? '';
const sum = <T>(rows: readonly T[], value: (row: T) => number) => rows.reduce((a, row) => a + value(row), 0);

/** A pool of runners or an office has neighbouring addresses: the same /24, or /64 of IPv6. */
function isSameNetwork(a: string, b: string): boolean {
  if (a.includes(':') !== b.includes(':')) return false;
  const network = (x: string) => (x.includes(':') ? x.split(':').slice(0, 4) : x.split('.').slice(0, 3)).join();
  return network(a) === network(b);
}
