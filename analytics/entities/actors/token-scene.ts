// Where users of a cluster come from, and what these addresses are: what token-uses.ts judges by.

/** A pod that had an address. */
export interface PodAtAddress {
  name: string;
  uid: string;
  account: string;
  begins_at: number;
  /** ms; 0 when it lives or its end was not seen. */
  ends_at: number;
}

export interface Peer {
  cluster: string;
  peer: string;
  /** '' when it is no node's. */
  node: string;
  pods: readonly PodAtAddress[];
  /** Users that are no part of the cluster, with the time (ms) of their first request from there. */
  people: readonly { name: string; since: number }[];
}

/** One way in which a user comes to the API; times in ms since 1970. */
export interface Way {
  cluster: string;
  username: string;
  credential_id: string;
  /** The pod its token is bound to; '' for none. */
  pod_uid: string;
  peer: string;
  agent: string;
  first_seen: number;
  last_seen: number;
  requests: number;
  refused: number;
  days: number;
  first_digest: string;
  last_digest: string;
  namespace: string;
  pod: string;
  node: string;
  host_network: boolean;
  ips: readonly string[];
  pod_ended_at: number;
}

export const NODE = 'system:node:';
export const isLoopback = (address: string) => address.startsWith('127.') || address === '::1' || address === '';

export interface Scene {
  ways: readonly Way[];
  peer(address: string): Peer | undefined;
  /** The way comes from where the token's pod is, or, where nobody told that, from where it was seen first. */
  isHome(way: Way): boolean;
  /** Pods seen where they are told to be, by uid. */
  atHome: ReadonlySet<string>;
  /** Nodes on which some pod was seen with its own address: their pods' addresses are not translated. */
  keepsAddresses: ReadonlySet<string>;
  /** Through this address come those who are not there. */
  isProxy(address: string): boolean;
}

export function createScene(ways: readonly Way[], peers: readonly Peer[]): Scene {
  const byAddress = new Map(peers.map((p) => [p.peer, p]));
  const knownNodes = new Set(peers.map((p) => p.node));
  const bound = ways.filter((w) => w.pod_uid !== '');
  const nodeOf = (w: Way) => byAddress.get(w.peer)?.node ?? '';
  // on the host's network, or translated by its node
  const isTold = (w: Way) => w.ips.includes(w.peer) || (nodeOf(w) !== '' && nodeOf(w) === w.node);
  const firstPeer = new Map<string, string>();
  for (const w of bound) if (!firstPeer.has(w.pod_uid)) firstPeer.set(w.pod_uid, w.peer);
  const isPlaced = (w: Way) => (w.host_network ? knownNodes.has(w.node) : w.ips.length > 0);
  const isHome = (w: Way) => isTold(w) || (!isPlaced(w) && firstPeer.get(w.pod_uid) === w.peer);
  const atHome = new Set(bound.filter(isTold).map((w) => w.pod_uid));
  const keepsAddresses = new Set(bound.filter((w) => !w.host_network && w.ips.includes(w.peer)).map((w) => w.node));
  const strangers = groupBy(
    bound.filter((w) => !isTold(w)),
    (w) => w.peer,
  );
  const nodes = groupBy(
    ways.filter((w) => w.username.startsWith(NODE)),
    (w) => w.peer,
  );
  const isProxy = (address: string) => {
    if (new Set(nodes.get(address)?.map((w) => w.username)).size > 1) return true;
    // a thief's tokens are in use at home as well; of a proxy's pods most are never seen but through it
    const pods = new Set(strangers.get(address)?.map((w) => w.pod_uid));
    const away = [...pods].filter((uid) => !atHome.has(uid)).length;
    return away >= 2 && 2 * away > pods.size;
  };
  return { ways, peer: (address) => byAddress.get(address), isHome, atHome, keepsAddresses, isProxy };
}

export function groupBy<T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group === undefined) groups.set(key(row), [row]);
    else group.push(row);
  }
  return groups;
}
