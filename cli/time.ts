// Times as a person gives them: RFC 3339, a date, or how long ago (-2h). Out come RFC 3339 texts in UTC, to the nanosecond.
import { CommandError, EXIT } from './context.ts';

const rfc3339 = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|z|[+-]\d\d:\d\d))?$/;
const ago = /^-(\d+(?:\.\d+)?)(s|m|h|d|w)$/;
const unitMs: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3, w: 604_800e3 };

// What the store's times can hold.
const YEAR_MIN = 1970;
const YEAR_MAX = 2261;

/** @throws CommandError (wrong usage) that names the option */
export function parseTime(text: string, option: string, now: Date): string {
  const instant = relative(text, now) ?? absolute(text);
  if (instant === undefined) {
    throw new CommandError(
      EXIT.usage,
      `${option} ${text}: not a time (2026-11-23T13:00:00Z, 2026-11-23, or -2h for two hours ago; s, m, h, d, w)`,
    );
  }
  return instant;
}

function relative(text: string, now: Date): string | undefined {
  const [, amount, unit = ''] = ago.exec(text) ?? [];
  const ms = now.getTime() - Number(amount) * (unitMs[unit] ?? Number.NaN);
  return inRange(new Date(ms)) ? new Date(ms).toISOString() : undefined;
}

function absolute(text: string): string | undefined {
  const found = rfc3339.exec(text);
  if (!found) return undefined;
  const [, date = '', clock = '00:00', seconds = '00', fraction = '', zone = 'Z'] = found;
  const written = new Date(`${date}T${clock}:${seconds}Z`);
  // Date rolls 30 February over into March: what is not written back the same is no date
  if (Number.isNaN(written.getTime()) || !written.toISOString().startsWith(`${date}T${clock}:${seconds}`))
    return undefined;
  const instant = new Date(`${date}T${clock}:${seconds}${zone.toUpperCase()}`);
  if (!inRange(instant)) return undefined;
  const whole = instant.toISOString().slice(0, 19);
  return fraction === '' ? `${whole}Z` : `${whole}.${fraction}Z`;
}

function inRange(instant: Date): boolean {
  const year = instant.getUTCFullYear(); // NaN for a date that is none
  return year >= YEAR_MIN && year <= YEAR_MAX;
}
