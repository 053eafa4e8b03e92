// The containerd that other tests stand on.
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Containerd, IMAGE, isAvailable, runContainer, startContainerd } from './containerd.ts';

describe.skipIf(!isAvailable())('a containerd for tests', () => {
  let containerd: Containerd;
  beforeAll(async () => {
    containerd = await startContainerd();
  });
  afterAll(async () => {
    await containerd.stop();
    expect(existsSync(containerd.directory)).toBe(false);
  });

  it('runs containers of an image whose digest is known', async () => {
    expect(await containerd.ctr(['images', 'ls', `name==${IMAGE}`])).toContain(containerd.imageDigest);
    expect(await runContainer(containerd, { args: ['echo', 'here'] })).toMatchObject({ output: 'here\n' });
    await expect(runContainer(containerd, { args: ['false'] })).rejects.toThrow();
  });

  it('leaves containers running when it is killed, and finds them again', async () => {
    const { id } = await runContainer(containerd, { args: ['sleep', '600'], detached: true });
    await containerd.kill();
    await containerd.restart();
    expect(await containerd.ctr(['tasks', 'ls'])).toMatch(new RegExp(`${id}\\s+\\d+\\s+RUNNING`));
  });

  it('has other namespaces', async () => {
    await containerd.importImage('elsewhere');
    const { id } = await runContainer(containerd, { namespace: 'elsewhere', args: ['sleep', '600'], detached: true });
    expect(await containerd.ctr(['containers', 'ls', '-q'], 'elsewhere')).toBe(`${id}\n`);
    expect(await containerd.ctr(['containers', 'ls', '-q'])).not.toContain(id);
  });
});
