// containerd in JSON, and the documents of images: every column expected by hand.
import { describe, expect, it } from 'vitest';
import { empty, load, nothing, rowOf, rows, time, useStore } from './test-support/runtime-rows.ts';
import {
  CONTAINER,
  containerdEvents,
  containerdImage,
  containerdImageFetched,
  criImage,
  dockerImage,
  EXEC,
  IMAGE,
  IMAGE_ID,
  MANIFEST,
  podmanImage,
} from './test-support/runtime-samples.ts';

useStore();

describe('containerd events in JSON', () => {
  it.each(['json', 'protojson', 'typeUrl'] as const)('as %s are the rows of the same events as text', async (shape) => {
    await load(`${containerdEvents.text.join('\n')}\n`);
    const expected = await rows();
    expect(expected).toHaveLength(containerdEvents.text.length);
    expect(expected[1]).toEqual({
      ...nothing,
      time: time('2'),
      runtime_namespace: 'k8s.io',
      topic: '/tasks/create',
      container_id: CONTAINER,
      pid: 30279,
      bundle: '/run/b',
      upper_dir: '/u',
    });
    expect(expected[4]).toMatchObject({ topic: '/tasks/exit', exec_id: EXEC, pid: 30300, exit_status: 1 });
    expect(expected[5]).toMatchObject({ topic: '/tasks/exit', exec_id: '', pid: 30279, exit_status: 137 });
    expect(expected[6]).toMatchObject({ topic: '/images/create', container_id: '', image: IMAGE });
    await empty();
    expect(await load(`${containerdEvents[shape].join('\n')}\n`)).toMatchObject({ dead_letters: 0 });
    expect(await rows()).toEqual(expected);
  });
});

describe('an image document', () => {
  const image = {
    ...nothing,
    topic: 'image',
    image: IMAGE,
    image_digest: MANIFEST,
    image_id: IMAGE_ID,
    image_names: [IMAGE, `registry.example/web@${MANIFEST}`],
    args: ['serve'],
    env_names: ['PATH'],
  };
  it('of containerd joins its name and the digest of its manifest', async () => {
    expect(await rowOf(containerdImage)).toEqual({
      ...image,
      time: time('2'),
      runtime_namespace: 'k8s.io',
      image_id: '',
      image_names: [IMAGE],
      labels: { 'io.cri-containerd.image': 'managed' },
      args: [],
      env_names: [],
    });
  });
  it('of containerd has what its configuration tells, where that was fetched', async () => {
    const row = await rowOf(containerdImageFetched);
    expect(row).toEqual({ ...image, image_names: [IMAGE], env_names: ['PATH', 'TOKEN'] });
    expect(JSON.stringify(row)).not.toContain('secret');
  });
  it('of Docker has all its names, and the time it got one', async () => {
    expect(await rowOf(dockerImage)).toEqual({
      ...image,
      runtime_namespace: 'moby',
      image_names: [IMAGE, 'registry.example/web:latest', `registry.example/web@${MANIFEST}`],
      labels: { maintainer: 'm' },
      args: ['/entry', 'serve'],
    });
  });
  it('of CRI', async () => {
    const time2024 = '2024-01-01T00:00:00.000000000Z';
    expect(await rowOf(criImage)).toEqual({ ...image, time: time2024, runtime_namespace: 'k8s.io' });
  });
  it('of podman', async () => {
    expect(await rowOf(podmanImage)).toEqual({ ...image, runtime_namespace: 'podman' });
  });
});
