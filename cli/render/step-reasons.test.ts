import { expect, test } from 'vitest';
import type { Chain, ChainLink } from '../../analytics/queries/chains.ts';
import { createReasons } from './step-reasons.ts';

const link = (kind: string, from: string, to: string, digests: string[], confidence = 1): ChainLink => ({
  ...{ kind, from, to, digests, confidence },
  reason: `${from} to ${to}`,
});
/** Digests are named by their step; those in capitals are told in it, the others went on beside it. */
function chainOf(links: ChainLink[], ...digests: string[]): Chain {
  const stepOf = (digest: string) => Number(digest.slice(1));
  const steps = [1, 2, 3].map((n) => ({
    n,
    digests: digests.filter((d) => stepOf(d) === n && d === d.toUpperCase()),
    ...{ time: null, tactic: '', techniques: [], sentence: '', finding_ids: [] },
  }));
  const members = digests.map((digest) => ({
    digest,
    step: stepOf(digest),
    id: digest,
    layer: '',
    time: null,
    role: 'core',
  }));
  return {
    ...{ id: 'c', cluster: 'c', title: '', severity: 'high', score: 1, first_seen: null, last_seen: null },
    ...{ tactics: [], entities: [], steps, links, members },
  };
}
const told = (chain: Chain, n: number) => {
  const step = chain.steps[n - 1];
  if (step === undefined) throw new Error(`no step ${n}`);
  return createReasons(chain)(step).map(({ from, links }) => [from, ...links.map((l) => l.reason)]);
};

test('a link to what the step tells comes before a more telling one to what went on beside it', () => {
  const links = [
    link('exec-session', 'request', 'loop', ['A1', 'b3']),
    link('spawned', 'shell', 'rm', ['A1', 'C3']),
    link('connected', 'shell', 'address', ['A2', 'C3']),
  ];
  expect(told(chainOf(links, 'A1', 'A2', 'b3', 'C3'), 3)).toEqual([
    [2, 'shell to address'],
    [1, 'shell to rm'],
  ]);
});

test('where no record of an earlier step proves it, the way back through what has no record of its own is told, the shortest', () => {
  const links = [
    link('created', 'request', 'cronjob', ['A1']),
    link('same-owner', 'cronjob', 'pod', ['b2']),
    link('same-owner', 'pod', 'container', []),
    link('ran-in', 'container', 'miner', ['C3']),
    link('same-owner', 'elsewhere', 'further', ['A1']),
    link('same-owner', 'further', 'container', []),
    link('same-owner', 'container', 'pod', []), // around in a circle
  ];
  // the pod was made while step 2 went on, which tells of something else
  expect(told(chainOf(links, 'A1', 'A2', 'b2', 'C3'), 3)).toEqual([
    [1, 'elsewhere to further', 'further to container', 'container to miner'],
  ]);
  expect(told(chainOf(links.slice(0, 4), 'A1', 'A2', 'b2', 'C3'), 3)).toEqual([
    [1, 'request to cronjob', 'cronjob to pod', 'pod to container', 'container to miner'],
  ]);
  // nothing tells of step 1: what went on in the time of step 2 does
  expect(told(chainOf(links.slice(1, 4), 'A1', 'b2', 'C3'), 3)).toEqual([
    [2, 'cronjob to pod', 'pod to container', 'container to miner'],
  ]);
});

test('without a way back, links beside the step are told; without any, none', () => {
  const links = [link('spawned', 'loop', 'sleep', ['a1', 'b3']), link('spawned', 'x', 'y', ['C3'])];
  expect(told(chainOf(links, 'a1', 'b3', 'C3'), 3)).toEqual([[1, 'loop to sleep']]);
  expect(told(chainOf([], 'A1', 'C3'), 3)).toEqual([]);
  expect(told(chainOf(links, 'A1', 'C3'), 1)).toEqual([]);
});
