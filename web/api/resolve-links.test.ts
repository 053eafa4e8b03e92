import { describe, expect, it } from 'vitest';
import type { PlacedMark } from './queries/chain-marks.ts';
import { resolveLinks } from './resolve-links.ts';
import type { ChainLink, Lane } from './types.ts';

const mark = (id: string, t: number, more: Partial<PlacedMark> = {}): PlacedMark => ({
  id,
  lane: 'pod:c/web',
  t,
  layer: 'auditd',
  action: '',
  object: '',
  outcome: '',
  principal: '',
  exe: '',
  digest: `d-${id}`,
  step: 1,
  role: 'core',
  node: 'n1',
  process_key: '',
  container_id: '',
  ...more,
});
const link = (from: string, to: string, digests: string[] = []): ChainLink => ({
  from,
  to,
  kind: 'k',
  confidence: 1,
  reason: '',
  digests,
});
const lane = (id: string, more: Partial<Lane> = {}): Lane => ({
  id,
  kind: 'pod',
  cluster: 'c',
  namespace: '',
  name: '',
  containers: [],
  from: null,
  to: null,
  events: {},
  chains: [],
  ...more,
});
const marks = [
  mark('1.0:1', 10, { process_key: 'parent' }),
  mark('1.0:2', 20, { process_key: 'parent' }),
  mark('1.0:3', 30, { process_key: 'child' }),
  mark('1.0:4', 40, { process_key: 'parent' }),
  mark('req/ResponseComplete', 25, { layer: 'k8s-audit', lane: 'api:c' }),
];
const resolve = (one: ChainLink, lanes: Lane[] = []) => {
  const [resolved] = resolveLinks([one], { marks, findings: [], lanes });
  return [resolved?.start ?? null, resolved?.end ?? null];
};

describe('an end of a link', () => {
  it('is the member it names', () => {
    expect(resolve(link('1.0:1', '1.0:3')).map((end) => end?.t)).toEqual([10, 30]);
  });

  it('is, for a process, what it did last before the other end', () => {
    expect(resolve(link('process:n1/parent', 'process:n1/child')).map((end) => end?.t)).toEqual([20, 30]);
  });

  it('is, when the link is proved by one of its events, that event', () => {
    expect(resolve(link('process:n1/parent', 'process:n1/child', ['d-1.0:1'])).map((end) => end?.t)).toEqual([10, 30]);
  });

  it('is, for a request, its event at whatever stage', () => {
    const [start, end] = resolve(link('process:n1/parent', 'request:req'));
    expect(end).toEqual({ lane: 'api:c', t: 25, layer: 'k8s-audit', step: 1 });
    expect(start?.t).toBe(20);
  });

  it('is, for a pod without events of its own, its lane at the time of the other end, whichever end that is', () => {
    const lanes = [lane('pod:c/uid-1')];
    expect(resolve(link('1.0:1', 'object:uid-1'), lanes)[1]).toEqual({
      lane: 'pod:c/uid-1',
      t: 10,
      layer: 'auditd',
      step: 1,
    });
    expect(resolve(link('object:uid-1', '1.0:1'), lanes)[0]).toEqual({
      lane: 'pod:c/uid-1',
      t: 10,
      layer: 'auditd',
      step: 1,
    });
  });

  it('is, for an object without a place, where it was created', () => {
    const links = [
      link('request:req', 'object:cronjob'),
      link('object:cronjob', 'object:job'),
      link('object:job', '1.0:3'),
    ];
    const resolved = resolveLinks(links, { marks, findings: [], lanes: [] });
    expect(resolved[2]?.start).toEqual({ lane: 'api:c', t: 25, layer: 'k8s-audit', step: 1 });
    expect(resolved[2]?.end?.t).toBe(30);
  });

  it('is, for a pod of an owner without a place, what happened in it after the owner was created', () => {
    const links = [link('request:req', 'object:job'), link('object:job', 'object:uid-1')];
    const later = mark('2.0:1', 60, { lane: 'pod:c/uid-1', layer: 'runtime', step: 2 });
    const resolved = resolveLinks(links, { marks: [...marks, later], findings: [], lanes: [lane('pod:c/uid-1')] });
    expect(resolved[1]?.start?.t).toBe(25);
    expect(resolved[1]?.end).toEqual({ lane: 'pod:c/uid-1', t: 60, layer: 'runtime', step: 2 });
  });

  it('is, for an address, a lane of its own at the time of who spoke with it', () => {
    const address = { lane: 'address:203.0.113.66', t: 10, layer: 'auditd', step: 1 };
    expect(resolve(link('1.0:1', 'address:203.0.113.66'))[1]).toEqual(address);
    expect(resolve(link('address:203.0.113.66', '1.0:1'))[0]).toEqual(address);
  });

  it('is nowhere for what nothing is known of', () => {
    expect(resolve(link('object:a', 'object:b'))).toEqual([null, null]);
  });
});
