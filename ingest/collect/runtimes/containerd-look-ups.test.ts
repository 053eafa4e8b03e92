// Look-ups at a real containerd that come too late, or find nobody.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Containerd, isAvailable, startContainerd } from '../test-support/containerd.ts';
import { createPlace } from '../test-support/runtime-place.ts';
import { createContainerdLookUps } from './containerd-look-ups.ts';
import { connectUnix } from './grpc-client.ts';
import { createKnownContainers } from './known-containers.ts';
import { createNumberedStream } from './numbered-stream.ts';
import { createUndescribed } from './undescribed.ts';

describe.skipIf(!isAvailable())('a look-up', () => {
  let containerd: Containerd;
  let place: ReturnType<typeof createPlace>;
  beforeAll(async () => {
    containerd = await startContainerd();
  });
  afterAll(() => containerd.stop());
  beforeEach(() => {
    place = createPlace();
  });

  it('tells of containers that were gone before their documents could be read, once each', async () => {
    const client = connectUnix(containerd.socket);
    const deps = lookUpDeps();
    const lookUps = createContainerdLookUps(deps);
    for (const id of ['gone-1', 'gone-2']) lookUps.container(client, 'default', id);
    lookUps.container(client, 'default', 'gone-1');
    await lookUps.idle();
    deps.undescribed.flush();
    client.close();
    expect(place.gaps).toEqual([
      expect.objectContaining({
        reason: 'container-undescribed',
        records: 2,
        detail: expect.stringMatching(/: default\/gone-(1, default\/gone-2|2, default\/gone-1)$/),
      }),
    ]);
    expect(place.emitted).toEqual([]);
  });

  it('tells of nothing when the connection is lost: what is there is listed later', async () => {
    const client = connectUnix(`${containerd.socket}.none`);
    const deps = lookUpDeps();
    const lookUps = createContainerdLookUps(deps);
    lookUps.container(client, 'default', 'unknown');
    await lookUps.idle();
    client.close();
    lookUps.container(client, 'default', 'unknown');
    await lookUps.idle();
    deps.undescribed.flush();
    expect(place.gaps).toEqual([]);
    expect(deps.known.get('default/unknown')?.told).toBe(false);
    deps.known.save();
  });

  const lookUpDeps = () => {
    const quiet = place.place(new AbortController().signal);
    return {
      place: quiet,
      stream: createNumberedStream(quiet, 's'),
      known: createKnownContainers(quiet, 's'),
      undescribed: createUndescribed(quiet, 's'),
    };
  };
});
