// A runtime that is not there, for a while or for good.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createPlace } from '../test-support/runtime-place.ts';
import { createContainerdCollector } from './containerd.ts';
import { createCriCollector } from './cri.ts';
import { createDockerCollector } from './docker.ts';
import { keepConnected } from './keep-connected.ts';

const lost = () => Object.assign(new Error('gone'), { code: 'ECONNRESET' });

describe('a collector of runtimes', () => {
  it.each([
    ['containerd', createContainerdCollector],
    ['Docker', createDockerCollector],
    ['CRI', createCriCollector],
  ])('of %s waits for a socket that is absent, says so once, and ends when told', async (_, create) => {
    const place = createPlace();
    place.start(create({ socket: '/nonexistent/runtime.sock' }));
    await sleep(1_000);
    expect(place.said).toEqual([expect.stringMatching(/runtime\.sock does not answer: .*; trying again$/s)]);
    const before = Date.now();
    await place.stop();
    expect(Date.now() - before).toBeLessThan(500);
    expect(place.gaps).toEqual([]);
    expect(place.emitted).toEqual([]);
  });
});

describe('connections', () => {
  it('are tried again at longer and longer intervals', async () => {
    const stop = new AbortController();
    const place = createPlace().place(stop.signal);
    const tries: number[] = [];
    await keepConnected(place, 'x', async () => {
      tries.push(performance.now());
      if (tries.length === 4) stop.abort();
      throw lost();
    });
    const waits = tries.slice(1).map((at, i) => at - (tries[i] ?? 0));
    for (const [i, least] of [195, 395, 795].entries()) expect(waits[i]).toBeGreaterThan(least);
  });

  it('that are lost and come back are told of once each time', async () => {
    const stop = new AbortController();
    const place = createPlace();
    let sessions = 0;
    await keepConnected(place.place(stop.signal), 'x', async (connected) => {
      sessions++;
      if (sessions !== 2) connected();
      if (sessions === 4) stop.abort();
      throw lost();
    });
    expect(place.said).toEqual([
      'x is lost: gone; trying again',
      'x answers again',
      'x is lost: gone; trying again',
      'x answers again',
    ]);
  });

  it('hide no bug', async () => {
    const place = createPlace().place(new AbortController().signal);
    const session = async () => {
      throw new TypeError('a bug');
    };
    await expect(keepConnected(place, 'x', session)).rejects.toThrow('a bug');
  });
});
