// The audit events of the recordings, and EventLists made of them, as an API server writes them.
import { readFileSync } from 'node:fs';
import { createZstdReader } from '../../../frame/zstd.ts';

export const RECORDINGS = ['poisoned-image', 'quiet-day', 'web-to-cluster'];

/** Lines of the recorded log, without their newlines. */
export function recordedEvents(recording: string): Buffer[] {
  const parts: Buffer[] = [];
  const reader = createZstdReader((bytes) => parts.push(Buffer.from(bytes)));
  reader.push(readFileSync(`test/fixtures/recordings/${recording}/k8s-audit.log.zst`));
  reader.end();
  const bytes = Buffer.concat(parts);
  const lines: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(10, from);
    const to = end === -1 ? bytes.length : end;
    if (to > from) lines.push(bytes.subarray(from, to));
    from = to + 1;
  }
  return lines;
}

const KIND = Buffer.from('{"kind":"Event","apiVersion":"audit.k8s.io/v1",');

/** An item of a list says no kind of its own, as the webhook of k8s.io/apiserver 0.28 writes it. */
export const itemOf = (event: Buffer): Buffer =>
  event.subarray(0, KIND.length).equals(KIND) ? Buffer.concat([Buffer.from('{'), event.subarray(KIND.length)]) : event;

const HEAD = Buffer.from('{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[');
const COMMA = Buffer.from(',');
const TAIL = Buffer.from(']}\n');

export const eventList = (events: readonly Buffer[]): Buffer =>
  Buffer.concat([HEAD, ...events.flatMap((event, i) => (i === 0 ? [event] : [COMMA, event])), TAIL]);

/** Batches of as many events as `size` says. */
export function batches(events: readonly Buffer[], size: () => number): Buffer[][] {
  const all: Buffer[][] = [];
  for (let at = 0; at < events.length; ) {
    const next = events.slice(at, at + Math.max(1, size()));
    all.push(next);
    at += next.length;
  }
  return all;
}
