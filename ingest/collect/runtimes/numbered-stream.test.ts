import { describe, expect, it } from 'vitest';
import type { Gap } from '../../spool/gap.ts';
import type { CollectorPlace } from '../collector.ts';
import { reportInterruption } from './interruption.ts';
import { createNumberedStream } from './numbered-stream.ts';

const HOUR = 3_600_000;
const NOON = Date.parse('2026-11-26T12:00:00Z');

/** A node whose clock the test sets. */
function createNode() {
  const gaps: Gap[] = [];
  const node = { nowMs: NOON, gaps };
  const place = {
    emit: () => true,
    checkpoint: () => undefined,
    restored: () => undefined,
    report: (gap: Gap) => void gaps.push(gap),
    now: () => new Date(node.nowMs),
  } as unknown as CollectorPlace;
  return { node, place, stream: createNumberedStream(place, 'runtime') };
}

describe('until when a runtime was heard', () => {
  it('is the latest time that an event or an answer told, and none that is still to come', () => {
    const { node, stream } = createNode();
    stream.heard(NOON);
    stream.emit('{}', {}, NOON - 5_000);
    expect(stream.heardMs()).toBe(NOON);
    node.nowMs = NOON + 10_000;
    stream.emit('{}', {}, NOON + HOUR);
    expect(stream.heardMs()).toBe(NOON + 10_000);
  });

  it('follows a clock that is set forward, and back', () => {
    const { node, stream } = createNode();
    node.nowMs = NOON + 3 * HOUR;
    stream.heard(node.nowMs);
    node.nowMs = NOON + 10_000;
    stream.heard(node.nowMs);
    expect(stream.heardMs()).toBe(NOON + 10_000);
    node.nowMs = NOON + 20_000;
    stream.emit('{}', {}, NOON + 15_000);
    expect(stream.heardMs()).toBe(NOON + 15_000);
  });

  it('is not known to the first connection ever, whatever comes before it has listed what is there', () => {
    const { node, stream } = createNode();
    stream.interrupted();
    stream.emit('{}', {}, NOON);
    expect(stream.heardMs()).toBeUndefined();
    // but to the next one, should the first be lost before
    stream.interrupted();
    expect(stream.heardMs()).toBe(NOON);
    node.nowMs = NOON + 10_000;
    stream.emit('{}', {}, node.nowMs);
    expect(stream.heardMs(), 'what was missed is not told yet').toBe(NOON);
    stream.heard(node.nowMs);
    expect(stream.heardMs()).toBe(node.nowMs);
  });

  it('bounds what is told of an interruption, also where the clock was set back in it', () => {
    const { node, place, stream } = createNode();
    stream.heard(NOON);
    const compared = { appeared: 0, vanished: 0 };
    const told = () => {
      reportInterruption(place, stream.name, { fromMs: stream.heardMs() ?? 0, toMs: node.nowMs }, compared);
      const { fromMs, toMs } = node.gaps.at(-1) as Gap;
      return [fromMs - NOON, toMs - NOON];
    };
    node.nowMs = NOON + 60_000;
    expect(told()).toEqual([0, 60_000]);
    node.nowMs = NOON - HOUR;
    expect(told()).toEqual([-HOUR, 0]);
  });
});
