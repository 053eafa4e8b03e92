// When an event in JSON happened, for correlations: under which name it says so, and how it writes it.
import { fieldOf } from '../sources/json-event.ts';

// Of Elastic and Logstash, of many, of Sysmon, of CloudTrail, of Kubernetes, of Azure and Google, of Windows, of Zeek.
const USUAL_NAMES = [
  '@timestamp',
  'timestamp',
  'UtcTime',
  'time',
  'eventTime',
  'requestReceivedTimestamp',
  'stageTimestamp',
  'EventTime',
  'TimeGenerated',
  'TimeCreated',
  'SystemTime',
  'TimeCreated_SystemTime',
  'creationTime',
  'CreationTime',
  'createdDateTime',
  'activityDateTime',
  'event_time',
  'datetime',
  'date',
  'ts',
  '_time',
];

/** Milliseconds since 1970; undefined where the event does not tell. */
export function timeOf(event: unknown, timeField: string | undefined): number | undefined {
  for (const name of timeField === undefined ? USUAL_NAMES : [timeField]) {
    for (const value of fieldOf(event, name).values) {
      const ms = timeMs(value);
      if (ms !== undefined) return ms;
    }
  }
  return undefined;
}

// 1e11 is the year 5138 in seconds and 1973 in milliseconds; what is larger by another 1000 counts finer still.
const UNIT_MAX = 1e11;
// What the engine's DateTime64 holds.
const FIRST_MS = Date.UTC(1900, 0, 1);
const LAST_MS = Date.UTC(2299, 11, 31);

function timeMs(text: string): number | undefined {
  const ms = /^-?\d+(\.\d+)?$/.test(text) ? epochMs(Number(text)) : textMs(text);
  return ms !== undefined && ms >= FIRST_MS && ms <= LAST_MS ? ms : undefined;
}

function epochMs(value: number): number | undefined {
  if (value <= 0) return undefined;
  if (value < UNIT_MAX) return value * 1000;
  if (value < UNIT_MAX * 1000) return value;
  if (value < UNIT_MAX * 1e6) return value / 1000;
  return value / 1e6;
}

const ISO = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d+))?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$/i;

// A time without a zone is UTC: logs are.
function textMs(text: string): number | undefined {
  const [, date, clock = '', fraction = '', zone = 'Z'] = ISO.exec(text.trim()) ?? [];
  if (date === undefined) {
    const other = /\d{4}/.test(text) && /\d:\d{2}/.test(text) ? Date.parse(withZone(text)) : Number.NaN;
    return Number.isNaN(other) ? undefined : other;
  }
  const at = Date.parse(
    `${date}T${clock.length === 5 ? `${clock}:00` : clock}${/^(utc|z)$/i.test(zone) ? 'Z' : withColon(zone)}`,
  );
  return Number.isNaN(at) ? undefined : at + (fraction === '' ? 0 : Number(`0.${fraction}`) * 1000);
}

const withColon = (zone: string) => (zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`);
const withZone = (text: string) => (/(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})$/i.test(text.trim()) ? text : `${text} UTC`);
