// Look-ups that events cause.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createLookUps } from './look-ups.ts';

/** A look-up that ends when told. */
function held() {
  let release = () => {};
  let starts = 0;
  const lookUp = () => {
    starts++;
    return new Promise<void>((resolve) => {
      release = resolve;
    });
  };
  return { lookUp, release: () => release(), starts: () => starts };
}

describe('look-ups', () => {
  it('run a few at once, in the order asked for', async () => {
    const lookUps = createLookUps({ atOnce: 2, waitingMax: 10 });
    const order: number[] = [];
    let atOnce = 0;
    let most = 0;
    for (let i = 0; i < 6; i++)
      lookUps.add(`${i}`, async () => {
        order.push(i);
        most = Math.max(most, ++atOnce);
        await sleep(5);
        atOnce--;
      });
    await lookUps.idle();
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
    expect(most).toBe(2);
  });

  it('of one key that waits are one; of one that runs, one more afterwards', async () => {
    const lookUps = createLookUps({ atOnce: 1, waitingMax: 10 });
    const { lookUp, release, starts } = held();
    for (let i = 0; i < 3; i++) lookUps.add('a', lookUp);
    expect(starts()).toBe(1);
    release();
    await sleep(0);
    expect(starts()).toBe(2);
    release();
    await lookUps.idle();
    expect(starts()).toBe(2);
  });

  it('that run again do not hold up others', async () => {
    const lookUps = createLookUps({ atOnce: 2, waitingMax: 10 });
    const { lookUp, release } = held();
    lookUps.add('a', lookUp);
    lookUps.add('a', lookUp);
    await new Promise<void>((resolve) => {
      lookUps.add('b', async () => resolve());
    });
    release();
    await sleep(0);
    release();
    await lookUps.idle();
  });

  it('are refused when too many wait, and forgotten when the connection is gone', async () => {
    const lookUps = createLookUps({ atOnce: 1, waitingMax: 2 });
    const { lookUp, release } = held();
    const waiting = held();
    expect(['a', 'b', 'c', 'd'].map((key) => lookUps.add(key, key === 'a' ? lookUp : waiting.lookUp))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(lookUps.add('b', waiting.lookUp)).toBe(true);
    lookUps.clear();
    release();
    await lookUps.idle();
    expect(waiting.starts()).toBe(0);
  });
});
