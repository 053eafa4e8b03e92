import { describe, expect, it } from 'vitest';
import { assembleLanes } from './assemble-lanes.ts';
import type { ActivityRow, ContainerRow, PodRow } from './queries/lanes.ts';

const pod = (uid: string, from: number): PodRow => ({
  cluster: 'c',
  pod_uid: uid,
  namespace: 'shop',
  pod: `pod-${uid}`,
  from,
  to: null,
});
const container = (id: string, more: Partial<ContainerRow> = {}): ContainerRow => ({
  cluster: 'c',
  container_id: id,
  kind: 'container',
  container_name: 'web',
  namespace: 'shop',
  pod: 'pod-a',
  pod_uid: 'a',
  image: '',
  from: 1,
  to: null,
  exit_status: -1,
  ...more,
});
const activity = (lane: string, layer: ActivityRow['layer'], n = 1): ActivityRow => ({
  lane,
  cluster: 'c',
  node_name: 'worker',
  layer,
  n,
});
const lanesOf = (parts: Partial<Parameters<typeof assembleLanes>[0]>) =>
  assembleLanes({ pods: [], containers: [], activity: [], touches: [], ...parts });

describe('lanes', () => {
  it('put those of a chain first, in the order it reached them, then API, node, pods by birth', () => {
    const lanes = lanesOf({
      pods: [pod('young', 90), pod('old', 10), pod('second', 5), pod('first', 50)],
      activity: [activity('node:c/worker', 'auditd'), activity('api:c', 'k8s-audit')],
      touches: [
        { lane: 'pod:c/second', chain: 'x', t: 200 },
        { lane: 'pod:c/first', chain: 'x', t: 100 },
      ],
    });
    expect(lanes.map((lane) => lane.name)).toEqual([
      'pod-first',
      'pod-second',
      'Kubernetes API',
      'worker',
      'pod-old',
      'pod-young',
    ]);
  });

  it('keep containers in the lane of their pod, and give one without a pod a lane of its own', () => {
    const lanes = lanesOf({
      pods: [pod('a', 1)],
      containers: [
        container('1'),
        container('2', { kind: 'sandbox' }),
        container('3', { pod: '', pod_uid: '', container_name: '' }),
      ],
    });
    expect(lanes.map((lane) => [lane.kind, lane.containers.map((one) => one.container_id)])).toEqual([
      ['container', ['3']],
      ['pod', ['1']],
    ]);
  });

  it('exist for a pod that only its containers or its events tell of', () => {
    const lanes = lanesOf({
      containers: [container('1')],
      activity: [activity('pod:c/0123456789abcdef', 'runtime', 7)],
    });
    expect(lanes.map((lane) => lane.name).sort()).toEqual(['0123456789ab', 'pod-a']);
    expect(lanes.find((lane) => lane.name === '0123456789ab')?.events).toEqual({ runtime: 7 });
  });
});
