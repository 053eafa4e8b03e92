// Made-up evidence: one cluster with nodes n1 and n2, pods with addresses in 10.1.1.0/24 on n1.
import { describe, expect, it } from 'vitest';
import type { Peer, Way } from './token-scene.ts';
import { findTokenUses } from './token-uses.ts';

const MIN = 60_000;
const DAY = 86_400_000;
const START = Date.parse('2026-05-01T10:00:00Z');

let n = 0;
const way = (more: Partial<Way> & { at?: number; until?: number }): Way => {
  const { at = 0, until = at, ...rest } = more;
  return {
    cluster: 'c',
    username: 'system:serviceaccount:shop:web',
    credential_id: '',
    pod_uid: '',
    peer: '10.1.1.7',
    agent: 'web/v1',
    first_seen: START + at,
    last_seen: START + until,
    requests: 50,
    refused: 0,
    days: 1,
    first_digest: `f${++n}`,
    last_digest: `l${n}`,
    namespace: 'shop',
    pod: '',
    node: '',
    host_network: false,
    ips: [],
    pod_ended_at: 0,
    ...rest,
  };
};
/** A way of a pod `web-N` on n1 with address 10.1.1.N, from there unless said otherwise. */
const bound = (i: number, more: Partial<Way> & { at?: number; until?: number } = {}) =>
  way({
    pod_uid: `uid-${i}`,
    credential_id: `JTI=${i}`,
    pod: `web-${i}`,
    node: 'n1',
    ips: [`10.1.1.${i}`],
    peer: `10.1.1.${i}`,
    ...more,
  });
const peer = (address: string, more: Partial<Peer> = {}): Peer => ({
  cluster: 'c',
  peer: address,
  node: '',
  pods: [],
  people: [],
  ...more,
});
const NODES = [peer('10.0.0.1', { node: 'n1' }), peer('10.0.0.2', { node: 'n2' })];
const told = (ways: Way[], peers: Peer[] = NODES) =>
  findTokenUses(ways, peers)
    .map((u) => `${u.kind} ${u.of.pod || u.of.username} from ${u.of.peer}: ${u.confidence}`)
    .sort();

const HOME = [bound(7), bound(8)];

describe('a token bound to a pod', () => {
  it('is at home at its own address, and at its node, which may translate it', () => {
    expect(told([...HOME, bound(9, { peer: '10.0.0.1' })])).toEqual([]);
    expect(told([...HOME, bound(9, { peer: '10.0.0.1', host_network: true, ips: [] })])).toEqual([]);
  });

  it('used from an address of nobody is a fact, surer when its pod uses it as well', () => {
    expect(told([...HOME, bound(7, { peer: '203.0.113.9' })])).toEqual(['elsewhere web-7 from 203.0.113.9: 0.95']);
    expect(told([...HOME, bound(9, { peer: '203.0.113.9' })])).toEqual(['elsewhere web-9 from 203.0.113.9: 0.85']);
  });

  it('used from a living pod names that pod, and not one that had the address before', () => {
    const had = (name: string, begins_at: number, ends_at: number) => ({
      name,
      uid: name,
      account: '',
      begins_at,
      ends_at,
    });
    const address = peer('10.1.1.66', {
      pods: [had('ns/old', START - 3 * DAY, START - DAY), had('ns/thief', START - MIN, 0)],
    });
    const [use] = findTokenUses([...HOME, bound(7, { peer: '10.1.1.66' })], [...NODES, address]);
    expect(use).toMatchObject({ kind: 'other-pod', found: { name: 'ns/thief' }, confidence: 0.95 });
    const gone = peer('10.1.1.66', { pods: [had('ns/old', START - 3 * DAY, START - DAY)] });
    expect(told([...HOME, bound(7, { peer: '10.1.1.66' })], [...NODES, gone])).toEqual([
      'elsewhere web-7 from 10.1.1.66: 0.95',
    ]);
  });

  it('used from another node is a fact', () => {
    const [use] = findTokenUses([...HOME, bound(7, { peer: '10.0.0.2' })], NODES);
    expect(use).toMatchObject({ kind: 'other-node', found_node: 'n2' });
  });

  it('of a pod on the host network used from elsewhere is a fact', () => {
    const host = { host_network: true, ips: [] };
    expect(
      told([...HOME, bound(9, { ...host, peer: '10.0.0.1' }), bound(9, { ...host, peer: '203.0.113.9' })]),
    ).toEqual(['elsewhere web-9 from 203.0.113.9: 0.95']);
  });

  it('says nothing where all pods come through one address: NAT, a proxy, a managed control plane', () => {
    const through = [1, 2, 3, 4].map((i) => bound(i, { peer: '192.0.2.1' }));
    expect(told(through)).toEqual([]);
    expect(told([bound(1, { peer: '192.0.2.1' })])).toEqual([]); // one pod alone proves no more
    const balanced = [1, 2, 3].flatMap((i) => [bound(i, { peer: '192.0.2.1' }), bound(i, { peer: '192.0.2.2' })]);
    expect(told(balanced)).toEqual([]);
  });

  it('says nothing where nobody knows addresses of pods and all come through two balancers', () => {
    const unknown = { ips: [], node: '' };
    const ways = [1, 2, 3].flatMap((i) => [
      bound(i, { ...unknown, peer: '192.0.2.1', at: i }),
      bound(i, { ...unknown, peer: '192.0.2.2', at: 10 + i }),
    ]);
    expect(told(ways)).toEqual([]);
  });

  it('many stolen tokens at one address are no proxy while their pods go on at home', () => {
    const stolen = [7, 8, 9].map((i) => bound(i, { peer: '203.0.113.9' }));
    expect(told([...HOME, bound(9), ...stolen])).toHaveLength(3);
  });

  it('of a pod whose address nobody told is at home where it was first', () => {
    const unknown = { ips: [] };
    const ways = [bound(5, { ...unknown, peer: '10.1.1.5' }), bound(5, { ...unknown, peer: '203.0.113.9', at: MIN })];
    expect(told([...HOME, ...ways])).toEqual(['elsewhere web-5 from 203.0.113.9: 0.85']);
  });

  it('used more than a minute after its pod had ended is a fact, wherever it came from', () => {
    const ended = { pod_ended_at: START + MIN };
    expect(told([...HOME, bound(9, { ...ended, until: 1.5 * MIN })])).toEqual([]);
    expect(told([...HOME, bound(9, { ...ended, until: 3 * MIN })])).toEqual(['after-end web-9 from 10.1.1.9: 0.9']);
  });

  it('used by a program that is new and rare is a doubt; what always was there is none', () => {
    const curl = { agent: 'curl/8.0', requests: 2 };
    expect(told([bound(7), bound(7, { ...curl, at: 10 * MIN })])).toEqual(['other-agent web-7 from 10.1.1.7: 0.4']);
    expect(told([bound(7), bound(7, { ...curl, at: 1_000 })])).toEqual([]);
    expect(told([bound(7), bound(7, { agent: 'web/v2', requests: 2, at: 10 * MIN })])).toEqual([]);
    expect(told([bound(7, { requests: 5 }), bound(7, { ...curl, at: 10 * MIN })])).toEqual([]);
  });

  it('from the API server itself says nothing', () => {
    expect(told([...HOME, bound(7, { peer: '::1' }), bound(8, { peer: '127.0.0.1' })])).toEqual([]);
  });
});

describe("a service account's free token", () => {
  const ci = (address: string, more: Partial<Way> & { at?: number; until?: number } = {}) =>
    way({
      username: 'system:serviceaccount:ci:deployer',
      namespace: 'ci',
      agent: 'kubectl/v1',
      peer: address,
      ...more,
    });
  const home = ci('198.51.100.31', { until: 60 * MIN });

  it('from a second place while the first is in use is a fact', () => {
    expect(told([home, ci('203.0.113.88', { at: 10 * MIN, until: 12 * MIN })])).toEqual([
      'elsewhere system:serviceaccount:ci:deployer from 203.0.113.88: 0.7',
    ]);
  });

  it('from where a person of this cluster had come before is a smaller one, and names the person', () => {
    const known = peer('198.51.100.20', { people: [{ name: 'alice', since: START - DAY }] });
    const [use] = findTokenUses(
      [home, ci('198.51.100.31'), ci('203.0.113.20', { at: MIN })],
      [...NODES, { ...known, peer: '203.0.113.20' }],
    );
    expect(use).toMatchObject({ confidence: 0.5, reason: expect.stringContaining('alice') });
  });

  it.each([
    [
      'that moved for good',
      [ci('198.51.100.31', { until: MIN }), ci('203.0.113.88', { at: 2 * MIN, until: 90 * MIN })],
    ],
    ['of a neighbour in a pool', [home, ci('198.51.100.77', { at: MIN })]],
    [
      'that comes back for days',
      [home, ci('203.0.113.88', { at: MIN, until: 3 * DAY, days: 4 }), ci('198.51.100.31', { until: 5 * DAY })],
    ],
    ['of a controller on a node', [home, ci('10.0.0.1', { at: MIN })]],
    ['seen once before', [ci('198.51.100.31', { requests: 1, until: 60 * MIN }), ci('203.0.113.88', { at: MIN })]],
  ])('says nothing of an address %s', (_what, ways) => {
    expect(told(ways)).toEqual([]);
  });

  it('from a pod of the account is at home', () => {
    const own = {
      name: 'ci/runner',
      uid: 'r',
      account: 'system:serviceaccount:ci:deployer',
      begins_at: START,
      ends_at: 0,
    };
    expect(told([home, ci('10.1.1.40', { at: MIN })], [...NODES, peer('10.1.1.40', { pods: [own] })])).toEqual([]);
  });
});

describe('a certificate of the cluster', () => {
  const node = (address: string, more: Partial<Way> & { at?: number } = {}) =>
    way({ username: 'system:node:n1', credential_id: 'X509SHA256=1', agent: 'kubelet/v1', peer: address, ...more });

  it("of a node used from another node, or from outside, is a fact; a kubelet's own is none", () => {
    expect(told([node('10.0.0.1')])).toEqual([]);
    expect(told([node('10.0.0.1'), node('203.0.113.9', { agent: 'curl/8', at: MIN })])).toEqual([
      'elsewhere system:node:n1 from 203.0.113.9: 0.9',
    ]);
    expect(told([node('10.0.0.1'), node('10.0.0.2', { at: MIN })])).toEqual([
      'other-node system:node:n1 from 10.0.0.2: 0.6',
    ]);
  });

  it('used on its node by another program than the kubelet is a doubt', () => {
    expect(told([node('10.0.0.1'), node('10.0.0.1', { agent: 'kubectl/v1', at: MIN })])).toEqual([
      'other-agent system:node:n1 from 10.0.0.1: 0.5',
    ]);
  });

  it('of kubelets that all come through one balancer says nothing', () => {
    const other = node('192.0.2.1', { username: 'system:node:n2' });
    expect(told([node('10.0.0.1'), node('192.0.2.1', { at: MIN }), other])).toEqual([]);
  });

  it('of a scheduler in a second place is a fact', () => {
    const scheduler = (address: string, more: Partial<Way> & { at?: number; until?: number }) =>
      way({
        username: 'system:kube-scheduler',
        credential_id: 'X509SHA256=2',
        agent: 'kube-scheduler/v1',
        peer: address,
        ...more,
      });
    expect(told([scheduler('10.0.0.1', { until: 60 * MIN }), scheduler('203.0.113.9', { at: MIN })])).toEqual([
      'elsewhere system:kube-scheduler from 203.0.113.9: 0.7',
    ]);
    const second = scheduler('203.0.113.9', { credential_id: 'X509SHA256=3', at: MIN }); // another master has its own
    expect(told([scheduler('10.0.0.1', { until: 60 * MIN }), second])).toEqual([]);
  });
});

describe("a person's credential", () => {
  const alice = (address: string, more: Partial<Way> & { at?: number; until?: number } = {}) =>
    way({ username: 'alice', credential_id: 'X509SHA256=7', agent: 'kubectl/v1', peer: address, ...more });
  const pod = (people: string[]) =>
    peer('10.1.1.66', {
      pods: [{ name: 'shop/web', uid: 'w', account: '', begins_at: START - DAY, ends_at: 0 }],
      people: people.map((name) => ({ name, since: START + MIN })),
    });
  const home = alice('198.51.100.20', { until: 60 * MIN });

  it("from a pod's address, while the person works elsewhere, is a fact", () => {
    expect(told([home, alice('10.1.1.66', { at: MIN })], [...NODES, pod(['alice'])])).toEqual([
      'other-pod alice from 10.1.1.66: 0.7',
    ]);
  });

  it('from another place of the world, from a node, or from a gateway for many says nothing', () => {
    expect(told([home, alice('203.0.113.9', { at: MIN }), alice('10.0.0.1', { at: MIN })])).toEqual([]);
    expect(told([home, alice('10.1.1.66', { at: MIN })], [...NODES, pod(['alice', 'bob'])])).toEqual([]);
  });
});

it('the same credential from one address is one use, with all its programs and the digests of its first and last', () => {
  const ways = [
    ...HOME,
    bound(7, { peer: '203.0.113.9', agent: 'curl/8', requests: 2, refused: 1, at: MIN, first_digest: 'first' }),
    bound(7, {
      peer: '203.0.113.9',
      agent: 'kubectl/v1',
      requests: 3,
      at: 2 * MIN,
      until: 9 * MIN,
      last_digest: 'last',
    }),
  ];
  const [use, more] = findTokenUses(ways, NODES);
  expect(more).toBeUndefined();
  expect(use).toMatchObject({
    agents: ['curl/8', 'kubectl/v1'],
    requests: 5,
    refused: 1,
    first: { first_digest: 'first' },
    last: { last_digest: 'last' },
  });
});
