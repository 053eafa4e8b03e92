// The collector of CRI runtimes: against a real containerd, which has no events that may be read, and against a runtime of our own that has.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { recognise } from '../../frame/recognise.ts';
import {
  at,
  CONTAINER,
  criContainerReply,
  criEvent,
  criSandbox,
  IMAGE,
  IMAGE_ID,
  podLabels,
  SANDBOX,
} from '../../test-support/runtime-samples.ts';
import { type Containerd, isAvailable, startContainerd, IMAGE as TEST_IMAGE } from '../test-support/containerd.ts';
import { createCriRuntime, runPod } from '../test-support/cri-runtime.ts';
import { createPlace } from '../test-support/runtime-place.ts';
import { createCriCollector } from './cri.ts';
import { criEventCodec } from './cri-api.ts';
import { criEventOf } from './cri-documents.ts';
import { connectUnix } from './grpc-client.ts';

type Place = ReturnType<typeof createPlace>;
const ofFormat = (place: Place, format: string) => place.emitted.filter((one) => recognise(one.record.raw) === format);
const statuses = (place: Place, format: string) =>
  ofFormat(place, format).map(({ json }) => json['status'] as { id: string; state?: string });

describe.skipIf(!isAvailable())('the collector of CRI beside containerd 1', () => {
  let containerd: Containerd;
  beforeAll(async () => {
    containerd = await startContainerd();
    await containerd.importImage('k8s.io');
  });
  afterAll(() => containerd.stop());

  it('leaves the events to the kubelet, says so, and tells of pods by listing them every second', async () => {
    const place = createPlace();
    const client = connectUnix(containerd.socket);
    const labels = { ...podLabels, 'io.kubernetes.container.name': 'app' };
    const early = await runPod(client, { image: TEST_IMAGE, command: ['sleep', '600'], labels });
    place.start(createCriCollector({ socket: containerd.socket }));
    await expect.poll(() => ofFormat(place, 'cri-image')).toHaveLength(1);
    const later = await runPod(client, { image: TEST_IMAGE, command: ['sleep', '600'], labels });
    const statesOf = (id: string) =>
      [...statuses(place, 'cri-container'), ...statuses(place, 'cri-sandbox')]
        .filter((told) => told.id === id)
        .map(({ state }) => state ?? 'the first');
    await expect.poll(() => statesOf(later.containerId), { timeout: 5_000 }).toContain('CONTAINER_RUNNING');
    await later.stopContainer();
    await expect.poll(() => statesOf(later.containerId), { timeout: 5_000 }).toContain('CONTAINER_EXITED');
    expect(statesOf(early.containerId)).toEqual(['CONTAINER_RUNNING']);
    expect(statesOf(early.sandboxId)).toEqual(['the first']);
    await later.remove();
    await early.remove();
    await sleep(1_200);
    await place.stop();
    client.close();

    expect(place.said).toEqual([expect.stringContaining('listed every second instead')]);
    const formats = new Set(place.emitted.map(({ record }) => recognise(record.raw)));
    expect(formats).toEqual(new Set(['cri-container', 'cri-sandbox', 'cri-image']));
    const { status, info } = ofFormat(place, 'cri-container')[0]?.json ?? {};
    expect(status).toMatchObject({ id: early.containerId, metadata: { name: 'app' }, labels });
    expect(JSON.parse(String((info as Record<string, string>)['info']))).toMatchObject({
      sandboxID: early.sandboxId,
      pid: expect.any(Number),
      runtimeSpec: { process: { args: ['sleep', '600'] } },
    });
    expect(place.gaps).toEqual([]);
    expect(place.checkpoints.get(`cri:${containerd.socket}#containers`)).toBe('[]');
  });
});

describe('the collector of CRI beside a runtime with events', () => {
  let directory: string;
  let socket: string;
  let place: Place;
  let runtime: ReturnType<typeof createCriRuntime>;
  const begin = async (options = { name: 'cri-o', version: '1.34.0' }) => {
    runtime = createCriRuntime(socket, options);
    runtime.images.set(IMAGE, { image: { id: IMAGE_ID, repoTags: [IMAGE], size: '4096' }, info: { info: '{}' } });
    const sandbox = { ...criSandbox.status, createdAt: at('1') };
    runtime.sandboxes.set(SANDBOX, { status: sandbox, info: { info: '{"pid":1}' } });
    await runtime.start();
    place.start(createCriCollector({ socket, listBesideStreamMs: 500 }));
    await expect.poll(() => runtime.asked).toContain('list');
  };
  const run = (state: string) =>
    runtime.containers.set(CONTAINER, {
      ...criContainerReply,
      status: { ...criContainerReply.status, state, imageRef: IMAGE },
    });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'vestige-cri-'));
    socket = join(directory, 'cri.sock');
    place = createPlace();
  });
  afterEach(async () => {
    await place.stop();
    runtime.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('hands on each event as crictl prints it, and the status and image of what it names', async () => {
    await begin();
    await expect.poll(() => ofFormat(place, 'cri-sandbox')).toHaveLength(1);
    run('CONTAINER_RUNNING');
    for (const type of ['CREATED', 'STARTED']) runtime.tell(criEvent('1', type));
    await expect.poll(() => ofFormat(place, 'cri-event')).toHaveLength(2);
    await expect.poll(() => ofFormat(place, 'cri-image')).toHaveLength(1);
    runtime.containers.delete(CONTAINER);
    runtime.tell(criEvent('2', 'DELETED'));
    await expect.poll(() => ofFormat(place, 'cri-event')).toHaveLength(3);
    const [created] = ofFormat(place, 'cri-event');
    expect(created?.json).toMatchObject({
      containerId: CONTAINER,
      containerEventType: 'CONTAINER_CREATED_EVENT',
      createdAt: criEvent('1', 'CREATED').createdAt,
      podSandboxStatus: { id: SANDBOX, metadata: { name: 'web' } },
      containersStatuses: [{ exitCode: 3 }, { id: CONTAINER, exitCode: 137 }],
    });
    expect(ofFormat(place, 'cri-container')[0]?.json).toMatchObject({
      status: { id: CONTAINER },
      info: { info: expect.any(String) },
    });
    expect(place.gaps).toEqual([]);
    expect(place.said).toEqual([]);
    expect(place.emitted.map(({ record }) => record.position)).toEqual(place.emitted.map((_, i) => i));
  });

  it('reads no events of containerd 1.7, for the kubelet would not see them', async () => {
    await begin({ name: 'containerd', version: 'v1.7.27' });
    await expect.poll(() => ofFormat(place, 'cri-sandbox')).toHaveLength(1);
    expect(runtime.asked).not.toContain('events');
    expect(place.said).toEqual([expect.stringContaining('to one reader only')]);
  });

  it('lists every second when it finds that the runtime, which has events, tells none', async () => {
    await begin();
    await expect.poll(() => runtime.readers()).toBe(1);
    run('CONTAINER_RUNNING');
    await expect
      .poll(() => place.said, { timeout: 30_000 })
      .toEqual([expect.stringContaining('tells no container events')]);
    const before = runtime.asked.length;
    await expect.poll(() => runtime.asked.length - before, { timeout: 5_000 }).toBeGreaterThan(1);
    expect(ofFormat(place, 'cri-container')).toHaveLength(1);
  });

  it('goes on when the runtime is killed and comes back: one gap', async () => {
    await begin();
    run('CONTAINER_RUNNING');
    runtime.tell(criEvent('1', 'STARTED'));
    await expect.poll(() => ofFormat(place, 'cri-container')).toHaveLength(1);
    runtime.stop();
    await expect.poll(() => place.said).toHaveLength(1);
    runtime.containers.clear();
    await runtime.start();
    await expect.poll(() => place.gaps, { timeout: 10_000 }).toHaveLength(1);
    expect(place.gaps[0]).toMatchObject({ reason: 'stream-interrupted', stream: `cri:${socket}` });
    expect(place.gaps[0]?.detail).toContain('0 containers appeared and 1 vanished');
    await expect.poll(() => runtime.readers()).toBe(1);
    run('CONTAINER_RUNNING');
    runtime.tell(criEvent('2', 'STARTED'));
    await expect.poll(() => ofFormat(place, 'cri-container')).toHaveLength(2);
  });
});

describe('an event of CRI', () => {
  it('keeps its bytes where they are not understood, or no event', () => {
    const bytes = Buffer.concat([
      criEventCodec?.encode({ containerId: CONTAINER, createdAt: '5' }) ?? Buffer.alloc(0),
      Buffer.from([0x7a, 0x01, 0x6e]),
    ]);
    const { json } = criEventOf(bytes);
    expect(recognise(Buffer.from(json))).toBe('cri-event');
    expect(JSON.parse(json)).toEqual({
      containerId: CONTAINER,
      containerEventType: 'CONTAINER_CREATED_EVENT',
      createdAt: '5',
      event_bytes: bytes.toString('base64'),
    });
    expect(JSON.parse(criEventOf(Buffer.from([0x0f])).json)).toMatchObject({ event_bytes: 'Dw==' });
  });
});
