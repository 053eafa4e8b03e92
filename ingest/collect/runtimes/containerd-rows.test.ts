// What the collector of containerd gives, as the engine reads it: rows with names, labels, pids and digests.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, load, useStore } from '../../test-support/runtime-rows.ts';
import { podLabels } from '../../test-support/runtime-samples.ts';
import { type Containerd, IMAGE, isAvailable, runContainer, startContainerd } from '../test-support/containerd.ts';
import { createPlace } from '../test-support/runtime-place.ts';
import { createContainerdCollector } from './containerd.ts';

useStore();

describe.skipIf(!isAvailable())('records of the collector of containerd', () => {
  let containerd: Containerd;
  beforeAll(async () => {
    containerd = await startContainerd();
  });
  afterAll(() => containerd.stop());

  it('are rows: none is refused, containers have names, labels, pids, their image its digest', async () => {
    const place = createPlace();
    const early = await runContainer(containerd, { args: ['sleep', '600'], detached: true, labels: podLabels });
    place.start(createContainerdCollector({ socket: containerd.socket }));
    await expect.poll(() => place.emitted.length).toBeGreaterThan(1);
    const brief = await runContainer(containerd, {
      labels: { ...podLabels, 'io.kubernetes.container.name': 'app' },
      options: ['--env', 'TOKEN=secret', '--mount', 'type=bind,src=/var,dst=/host,options=rbind:ro'],
      args: ['sh', '-c', 'exit 3'],
    }).catch(({ message }) => ({ id: String(message).match(/c\d+-\d+/)?.[0] }));
    await expect.poll(() => place.emitted.some(({ json }) => json['topic'] === '/containers/delete')).toBe(true);
    await place.stop();

    const lines = place.emitted.map(({ record }) => `${record.raw.toString()}\n`).join('');
    expect(await load(lines)).toMatchObject({ records: place.emitted.length, duplicates: 0, dead_letters: 0 });
    const columns = `topic, container_id, pid, exit_status, pod_name, container_name, image, args, env_names, mount_sources,
      upper_dir != '' AS has_upper_dir, abs(dateDiff('second', time, now64())) < 60 AS is_now`;
    const rowsOf = (id = '') => ask(`SELECT ${columns} FROM runtime FINAL WHERE container_id = '${id}' ORDER BY time`);
    expect(await rowsOf(early.id)).toEqual([
      expect.objectContaining({
        topic: 'container',
        pid: expect.any(Number),
        pod_name: 'web',
        image: IMAGE,
        is_now: 1,
      }),
    ]);
    const rows = await rowsOf(brief.id);
    expect(rows.map(({ topic }) => topic).toSorted()).toEqual(
      ['/containers/create', '/containers/delete', '/snapshot/prepare', '/snapshot/remove', '/tasks/create']
        .concat(['/tasks/delete', '/tasks/exit', '/tasks/start', 'container'])
        .toSorted(),
    );
    const row = (topic: string) => rows.find((one) => one['topic'] === topic);
    expect(row('container')).toMatchObject({
      container_name: 'app',
      args: ['sh', '-c', 'exit 3'],
      env_names: expect.arrayContaining(['PATH', 'FROM_IMAGE', 'TOKEN']),
      mount_sources: ['/var'],
    });
    expect(row('/tasks/exit')).toMatchObject({ exit_status: 3, pid: row('/tasks/start')?.['pid'] });
    expect(row('/tasks/create')?.['has_upper_dir']).toBe(containerd.snapshotter === 'overlayfs' ? 1 : 0);
    const pids = rows.map((one) => Number(one['pid']));
    expect(Math.max(...pids)).toBeGreaterThan(1);
    expect(await ask("SELECT image, image_digest FROM runtime FINAL WHERE topic = 'image'")).toEqual([
      { image: IMAGE, image_digest: containerd.imageDigest },
    ]);
    expect(JSON.stringify(rows)).not.toContain('secret');
  });
});
