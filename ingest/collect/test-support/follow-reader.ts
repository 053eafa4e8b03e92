// A follower that is read, killed and started again, and what it delivered. For tests.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { FilePosition } from '../files/file-position.ts';
import { type FollowEvent, followFile } from '../files/follow-file.ts';
import type { WrittenLog } from './written-log.ts';

type Gap = Extract<FollowEvent, { kind: 'gap' }>['gap'];

/** What is delivered, and the position that goes with it; `kill` forgets what came after every `commitEvery`th chunk. */
export function createReader(path: string, commitEvery = 1) {
  let delivered: Buffer[] = [];
  const gaps: Gap[] = [];
  const said: string[] = [];
  const kinds: string[] = [];
  let committed: { chunks: number; position: string } | undefined;
  let stop = new AbortController();
  let ended: Promise<void> = Promise.resolve();
  let chunks = 0;

  const run = async () => {
    const from = committed && FilePosition.parse(JSON.parse(committed.position));
    const options = { path, from, stop: stop.signal, now: () => new Date(), say: (text: string) => said.push(text) };
    const follower = followFile(options);
    let end: number | undefined;
    for await (const event of follower.events()) {
      if (event.kind === 'gap') gaps.push(event.gap);
      if (event.kind === 'opened' || event.kind === 'ended') kinds.push(event.kind);
      if (event.kind === 'opened') end = event.offset;
      if (event.kind === 'bytes') {
        delivered.push(Buffer.from(event.bytes));
        end = event.offset + event.bytes.length;
        if (++chunks % commitEvery !== 0) continue;
      }
      if (end === undefined) continue;
      committed = { chunks: delivered.length, position: JSON.stringify(follower.positionAt(end)) };
    }
  };
  const start = () => {
    stop = new AbortController();
    ended = run();
  };
  start();
  const text = () => Buffer.concat(delivered).toString('latin1');
  const until = async (what: string) => {
    const deadline = Date.now() + 20_000;
    for (let is = text(); is !== what; is = text()) {
      if (Date.now() > deadline) throw new Error(`${firstDifference(is, what)}; ${JSON.stringify(gaps)}`);
      await sleep(50);
    }
  };
  return {
    ...{ gaps, said, kinds, text, until },
    caughtUp: (log: WrittenLog) => until(log.written().toString('latin1')),
    kill: async () => {
      stop.abort();
      await ended;
      delivered = delivered.slice(0, committed?.chunks ?? 0);
    },
    start,
    allCommitted: () => expect.poll(() => committed?.chunks === delivered.length).toBe(true),
    reasons: () => gaps.map(({ reason }) => reason),
  };
}

function firstDifference(is: string, should: string): string {
  let at = 0;
  while (at < is.length && is[at] === should[at]) at++;
  const around = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 20), at + 40));
  return `at byte ${at} of ${should.length}: ${around(is)} instead of ${around(should)}; ${is.length} bytes`;
}

export const line = (text: string) => `${text} ${'x'.repeat(100)}\n`;
