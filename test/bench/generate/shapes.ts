// The real recordings as shapes: each log line cut into what stays and what names one time, one object, one process.
// What names is kept once, by kind and original, so that it can be replaced everywhere alike (rename.ts).
import { readFileSync } from 'node:fs';
import { decompress } from 'fzstd';

export type Kind = 'k8s' | 'auditd' | 'runtime';
export type NameKind =
  | 'time'
  | 'uuid'
  | 'hex-id'
  | 'coded-hex-id'
  | 'suffix'
  | 'event-suffix'
  | 'job-minute'
  | 'pid'
  | 'audit-seconds'
  | 'serial'
  | 'revision';

export interface Name {
  kind: NameKind;
  original: string;
}

/** A line is literals[0] names[slots[0]] literals[1] ... literals[n]. */
export interface LineShape {
  literals: readonly string[];
  slots: readonly number[];
  /** Number of the event it belongs to, in order of first lines. */
  event: number;
}

export interface Recording {
  lines: readonly LineShape[];
  names: readonly Name[];
  events: number;
  startSeconds: number;
  seconds: number;
  serials: { min: number; count: number };
}

const RECORDINGS = ['web-to-cluster', 'quiet-day', 'poisoned-image'];
const LOGS: Record<Kind, readonly string[]> = {
  k8s: ['k8s-audit.log'],
  auditd: ['audit.log'],
  runtime: ['containerd-events.log', 'containers.jsonl'],
};

// Digests of images and certificates are the same in every year: what follows sha256: or SHA256= stays.
const patterns: Record<NameKind, RegExp> = {
  uuid: /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/,
  'hex-id': /(?<!sha256:|SHA256=|[0-9a-f])[0-9a-f]{64}(?![0-9a-f])/,
  // the same where auditd writes text as hex
  'coded-hex-id': /(?<![0-9A-F])(?:[0-9A-F]{2})*?(?:3[0-9]|6[1-6]){64}/,
  time: /\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?!\d)/,
  // Kubernetes draws the ends of names from these letters
  suffix: /(?<=[a-z0-9]-)[bcdfghjklmnpqrstvwxz2456789]{5}(?![A-Za-z0-9])/,
  'event-suffix': /(?<=\.)1[0-9a-f]{15}(?=")/,
  'job-minute': /(?<=-)29\d{6}(?!\d)/,
  revision: /(?<="resourceVersion":")\d+(?=")/,
  pid: /(?<="pid":|\bp?pid=)\d{4,7}\b/,
  'audit-seconds': /(?<=msg=audit\()\d{10}(?=\.\d{3}:)/,
  serial: /(?<=msg=audit\(\d{10}\.\d{3}:)\d+(?=\))/,
};
const json = ['uuid', 'hex-id', 'time', 'suffix', 'event-suffix', 'job-minute', 'revision', 'pid'] as const;
const kindsIn: Record<Kind, readonly NameKind[]> = {
  k8s: json,
  runtime: json,
  auditd: ['audit-seconds', 'serial', 'pid', 'uuid', 'hex-id', 'coded-hex-id'],
};

/** @param only lines that are taken */
export function readRecordings(kind: Kind, fixtures: string, only?: RegExp): Recording[] {
  return RECORDINGS.map((name) => readRecording(kind, `${fixtures}/${name}`, only));
}

function readRecording(kind: Kind, directory: string, only?: RegExp): Recording {
  const manifest = JSON.parse(readFileSync(`${directory}/node.json`, 'utf8')) as {
    clock: { start: string; end: string };
  };
  const startSeconds = Math.floor(Date.parse(manifest.clock.start) / 1000);
  const cut = createCutter(kind);
  const logs = LOGS[kind].map((log) => linesOf(`${directory}/${log}.zst`));
  const lines = logs.length === 1 ? logs.flat() : logs.flat().sort((a, b) => compare(timeIn(a), timeIn(b)));
  const shapes = (only === undefined ? lines : lines.filter((line) => only.test(line))).map(cut.line);
  return {
    lines: shapes,
    names: cut.names,
    events: cut.events(),
    startSeconds,
    seconds: Math.ceil(Date.parse(manifest.clock.end) / 1000) - startSeconds,
    serials: serialsOf(cut.names),
  };
}

// latin1 is one character a byte: what comes out has the bytes that went in
function linesOf(path: string): string[] {
  const text = Buffer.from(decompress(readFileSync(path))).toString('latin1');
  return text.split('\n').filter((line) => line !== '');
}

const timeIn = (line: string): string => (/20[\d-]{8}[T ][\d:.]+/.exec(line)?.[0] ?? '').replace('T', ' ');
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function createCutter(kind: Kind) {
  const kinds = kindsIn[kind];
  const pattern = new RegExp(kinds.map((k) => `(${patterns[k].source})`).join('|'), 'g');
  const names: Name[] = [];
  const known = new Map<string, number>();
  const events = new Map<string, number>();
  const slotOf = (name: Name): number => {
    const key = `${name.kind} ${name.original}`;
    const slot = known.get(key) ?? names.push(name) - 1;
    known.set(key, slot);
    return slot;
  };
  const eventOf = (line: string): number => {
    const key = kind === 'auditd' ? (/audit\(([\d.:]+)\)/.exec(line)?.[1] ?? '') : String(events.size);
    const event = events.get(key) ?? events.size;
    events.set(key, event);
    return event;
  };
  return {
    names,
    events: () => events.size,
    line: (line: string): LineShape => {
      const literals: string[] = [];
      const slots: number[] = [];
      let from = 0;
      for (const found of line.matchAll(pattern)) {
        const nameKind = kinds[found.slice(1).findIndex((group) => group !== undefined)];
        if (nameKind === undefined) continue;
        literals.push(line.slice(from, found.index));
        slots.push(slotOf({ kind: nameKind, original: found[0] }));
        from = found.index + found[0].length;
      }
      literals.push(line.slice(from));
      return { literals, slots, event: eventOf(line) };
    },
  };
}

function serialsOf(names: readonly Name[]): Recording['serials'] {
  let min = Number.POSITIVE_INFINITY;
  let max = 0;
  for (const { kind, original } of names) {
    if (kind !== 'serial') continue;
    min = Math.min(min, Number(original));
    max = Math.max(max, Number(original));
  }
  return max === 0 ? { min: 0, count: 0 } : { min, count: max - min + 1 };
}
