// When events say that they happened, in the ways that logs write it.
import { describe, expect, it } from 'vitest';
import { timeOf } from './event-time.ts';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5);

describe('the time of an event', () => {
  it.each<[Record<string, unknown>, number | undefined]>([
    [{ '@timestamp': '2026-01-02T03:04:05Z' }, AT],
    [{ timestamp: '2026-01-02 03:04:05.250' }, AT + 250],
    [{ time: '2026-01-02T05:04:05.25+0200' }, AT + 250],
    [{ UtcTime: '2026-01-02 03:04:05,5' }, AT + 500],
    [{ ts: AT / 1000 }, AT],
    [{ ts: AT }, AT],
    [{ ts: String(AT * 1000) }, AT],
    [{ ts: AT * 1e6 }, AT],
    [{ date: 'Fri, 02 Jan 2026 03:04:05' }, AT],
    [{ timestamp: 'soon', ts: AT }, AT],
    [{ Event: { System: { TimeCreated: { '#attributes': { SystemTime: '2026-01-02T03:04:05.0000000Z' } } } } }, AT],
    [{ when: AT }, undefined],
    [{ ts: null }, undefined],
  ])('%j', (event, expected) => {
    expect(timeOf(event, undefined)).toBe(expected);
  });

  it('is where one is told to look, and nowhere else', () => {
    expect(timeOf({ when: AT, ts: 1 }, 'when')).toBe(AT);
    expect(timeOf({ ts: AT }, 'when')).toBe(undefined);
  });
});
