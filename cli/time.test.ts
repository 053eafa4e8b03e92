import { describe, expect, it } from 'vitest';
import { CommandError } from './context.ts';
import { parseTime } from './time.ts';

const now = new Date('2026-11-24T12:00:00.000Z');
const parse = (text: string) => parseTime(text, '--since', now);

describe('a time given on the command line', () => {
  it.each([
    ['2026-11-23T13:11:09Z', '2026-11-23T13:11:09Z'],
    ['2026-11-23T13:11:09.123456789Z', '2026-11-23T13:11:09.123456789Z'],
    ['2026-11-23T15:11:09.5+02:00', '2026-11-23T13:11:09.5Z'],
    ['2026-11-23t13:11:09z', '2026-11-23T13:11:09Z'],
    ['2026-11-23 13:11Z', '2026-11-23T13:11:00Z'],
    ['2026-11-23', '2026-11-23T00:00:00Z'],
    ['2026-01-01T00:30:00+01:00', '2025-12-31T23:30:00Z'],
  ])('reads %s as an instant', (text, expected) => {
    expect(parse(text)).toBe(expected);
  });

  it.each([
    ['-2h', '2026-11-24T10:00:00.000Z'],
    ['-30m', '2026-11-24T11:30:00.000Z'],
    ['-7d', '2026-11-17T12:00:00.000Z'],
    ['-1.5h', '2026-11-24T10:30:00.000Z'],
    ['-90s', '2026-11-24T11:58:30.000Z'],
  ])('reads %s as so long before now', (text, expected) => {
    expect(parse(text)).toBe(expected);
  });

  it.each([
    'yesterday',
    '',
    '2h',
    '-2',
    '-2y',
    '-99999999999w',
    '2026-02-30T00:00:00Z',
    '2026-13-01',
    '2026-11-23T24:00:00Z',
    '2026-11-23T13:11:09', // whose clock?
    '1969-12-31T23:59:59Z',
    '9999-01-01',
    '2026-11-23T13:11:09+99:00',
  ])('refuses %j as wrong usage and names the option', (text) => {
    const refused = () => parse(text);
    expect(refused).toThrow(CommandError);
    expect(refused).toThrow(/--since/);
  });

  it('refuses with the exit code of wrong usage', () => {
    try {
      parse('soon');
      expect.unreachable();
    } catch (error) {
      expect((error as CommandError).exitCode).toBe(2);
    }
  });
});
