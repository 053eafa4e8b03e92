// What is kept over restarts of a collector of runtimes.
import { describe, expect, it } from 'vitest';
import type { CollectorPlace } from '../collector.ts';
import { createKnownContainers } from './known-containers.ts';
import { createNumberedStream } from './numbered-stream.ts';

function placeWith(checkpoints: Map<string, string>, nowMs = 1_000_000): CollectorPlace {
  return {
    emit: () => true,
    checkpoint: (stream, state) => checkpoints.set(stream, state),
    restored: (stream) => checkpoints.get(stream),
    committed: async () => {},
    report: () => {},
    say: () => {},
    now: () => new Date(nowMs),
    stop: new AbortController().signal,
  };
}

describe('known containers', () => {
  it('are known again after a restart', () => {
    const checkpoints = new Map<string, string>();
    const known = createKnownContainers(placeWith(checkpoints), 's');
    Object.assign(known.add('a/1'), { told: true, pid: 7, version: 'v' });
    known.add('a/2');
    known.add('a/3');
    known.delete('a/2');
    known.save();
    const again = createKnownContainers(placeWith(checkpoints), 's');
    expect(again.keys()).toEqual(['a/1', 'a/3']);
    expect(again.get('a/1')).toEqual({ told: true, pid: 7, version: 'v' });
  });

  it('are at most ten thousand: the oldest is forgotten', () => {
    const known = createKnownContainers(placeWith(new Map()), 's');
    for (let i = 0; i < 10_050; i++) known.add(`a/${i}`);
    expect(known.keys()).toHaveLength(10_000);
    expect(known.get('a/49')).toBeUndefined();
    expect(known.get('a/50')).toBeDefined();
    known.save();
  });

  it.each(['', '{', '{"a":1}', '[["a/1"]]'])('that cannot be read (%s) are none', (text) => {
    expect(createKnownContainers(placeWith(new Map([['s#containers', text]])), 's').keys()).toEqual([]);
  });
});

describe('a numbered stream', () => {
  it('goes on counting after a restart, and has heard what it had heard', () => {
    const checkpoints = new Map<string, string>();
    const stream = createNumberedStream(placeWith(checkpoints), 's');
    expect(stream.heardMs()).toBeUndefined();
    stream.emit('{}', {}, 5);
    stream.emit('{}', {}, 3);
    expect(stream.heardMs()).toBe(5);
    const positions: number[] = [];
    const place = placeWith(checkpoints);
    place.emit = ({ position }) => positions.push(position) > 0;
    const again = createNumberedStream(place, 's');
    expect(again.heardMs()).toBe(5);
    again.emit('{}', {});
    expect(positions).toEqual([2]);
  });

  it('has heard no more than before an interruption, until it is known what was missed', () => {
    const stream = createNumberedStream(placeWith(new Map()), 's');
    stream.interrupted(); // of nothing
    stream.emit('{}', {}, 5);
    stream.interrupted();
    stream.emit('{}', {}, 900);
    expect(stream.heardMs()).toBe(5);
    stream.heard(901);
    stream.emit('{}', {}, 902);
    expect(stream.heardMs()).toBe(902);
  });

  it('does not count what could not be taken, nor believe a time to come', () => {
    const positions: number[] = [];
    let takes = false;
    const place = placeWith(new Map());
    place.emit = ({ position }) => positions.push(position) > 0 && takes;
    const stream = createNumberedStream(place, 's');
    expect(stream.emit('{}', {}, 9e15)).toBe(false);
    takes = true;
    expect(stream.emit('{}', {})).toBe(true);
    expect(positions).toEqual([0, 0]);
    expect(stream.heardMs()).toBe(1_000_000);
  });

  it.each(['', '{', '[]', '{"position":-1,"heardMs":0}'])('begins anew where its state cannot be read (%s)', (text) => {
    expect(createNumberedStream(placeWith(new Map([['s', text]])), 's').heardMs()).toBeUndefined();
  });
});
