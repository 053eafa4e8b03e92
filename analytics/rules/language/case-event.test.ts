import { expect, it } from 'vitest';
import { wholeEvent } from './case-event.ts';
import { CASE_START_S } from './made-records.ts';

it('keeps what a case says, fills in what it leaves out, and leaves out what it says is not there', () => {
  const event = wholeEvent({ verb: 'get', user: { username: 'bob' }, userAgent: null }, { serial: 1, atS: 61 });
  expect(event).toMatchObject({ verb: 'get', user: { username: 'bob' }, stage: 'ResponseComplete' });
  expect(Date.parse(String(event['stageTimestamp'])) / 1000).toBe(CASE_START_S + 61);
  expect('userAgent' in event).toBe(false);
});

it('gives the time of the request to the whole event', () => {
  const at = '2026-11-24T00:00:00Z';
  expect(wholeEvent({ requestReceivedTimestamp: at }, { serial: 0, atS: 0 })['stageTimestamp']).toBe(at);
});
