// The conformance table (*.yml beside this) as cases of one shape: rules as text, events, and what matches or what is refused.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

export interface Case {
  /** Unique in the table. */
  readonly name: string;
  /** YAML, one rule a document. */
  readonly rules: string;
  readonly events: readonly Record<string, unknown>[];
  /** Title of a rule and the events, from 1, that it matches; of a correlation an entry a run. In any order. */
  readonly matches: readonly (readonly [title: string, events: readonly number[]])[];
  /** What must be said of why one of these is no rule that runs. */
  readonly refused: string | undefined;
  /** Why another implementation may see it differently. */
  readonly pysigma: string | undefined;
}

/** Cases over the same events, which can be run at once. */
export interface Group {
  readonly name: string;
  readonly cases: readonly Case[];
  /** The rules of the cases do not refer to one another. */
  readonly independent: boolean;
  /** Detections of the cases can be asked of the JSON's bytes too. */
  readonly single: readonly { readonly case: Case; readonly detection: unknown }[];
}

const Lines = z.array(z.number());
const Event = z.record(z.string(), z.unknown());
const Written = z.strictObject({
  name: z.string(),
  detection: z.unknown().optional(),
  condition: z.unknown().optional(),
  correlation: z.record(z.string(), z.unknown()).optional(),
  inner: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
  timespan: z.string().optional(),
  apart: z.number().optional(),
  filter: z.record(z.string(), z.unknown()).optional(),
  logsource: z.record(z.string(), z.string()).optional(),
  events: z.array(Event).optional(),
  lines: Lines.optional(),
  runs: z.array(Lines).optional(),
  also: z.array(z.tuple([z.string(), Lines])).optional(),
  matches: z.array(z.tuple([z.string(), Lines])).optional(),
  refused: z.string().optional(),
  pysigma: z.string().optional(),
  bytes: z.boolean().optional(),
});
type Written = z.infer<typeof Written>;

const Table = z.array(
  z.strictObject({
    group: z.string(),
    events: z.array(Event).default([]),
    parts: z.record(z.string(), z.unknown()).optional(),
    placeholders: z.record(z.string(), z.unknown()).optional(),
    keywords: z.boolean().default(false),
    cases: z.array(Written),
  }),
);
type WrittenGroup = z.infer<typeof Table>[number];

export function readTable(): Group[] {
  const directory = import.meta.dirname;
  const files = readdirSync(directory).filter((file) => file.endsWith('.yml'));
  return files.sort().flatMap((file) => Table.parse(parse(readFileSync(join(directory, file), 'utf8'))).map(groupOf));
}

function groupOf(group: WrittenGroup): Group {
  const cases = group.cases.map((one) => caseOf(one, group));
  return {
    name: group.group,
    cases,
    independent: group.cases.every((one) => one.correlation === undefined && one.filter === undefined && !one.timespan),
    single: group.cases.flatMap((one, n) =>
      one.detection === undefined ||
      one.lines === undefined ||
      one.bytes === false ||
      group.keywords ||
      group.placeholders
        ? []
        : [{ case: cases[n] as Case, detection: one.detection }],
    ),
  };
}

function caseOf(one: Written, group: WrittenGroup): Case {
  const { refused, pysigma } = one;
  return {
    name: `${group.group}: ${one.name}`,
    rules: documentsOf(one, group)
      .map((document) => JSON.stringify(document))
      .join('\n---\n'),
    events: eventsOf(one, group).map(timed),
    matches: matchesOf(one, group),
    refused,
    pysigma,
  };
}

function documentsOf(one: Written, group: WrittenGroup): object[] {
  const title = `${group.group}: ${one.name}`;
  if (one.correlation !== undefined || one.timespan !== undefined) {
    const correlation = one.correlation ?? {
      type: 'event_count',
      rules: ['a'],
      'group-by': ['u'],
      timespan: one.timespan,
      condition: { gte: 2 },
    };
    const inner = Object.entries(one.inner ?? {}).map(([name, body]) => ({
      ...{ title: name, id: idOf(`${title} ${name}`), name, correlation: body },
    }));
    // events of a kind that no rule of the correlation asks for are there to be left alone
    const words: string[] = JSON.stringify([correlation, one.inner]).match(/\w+/g) ?? [];
    const bases = ['a', 'b', 'c'].filter((kind) => words.includes(kind)).map((kind) => base(kind));
    return [...bases, ...inner, { title: 'correlation', id: idOf(title), correlation }];
  }
  if (one.filter !== undefined) {
    const { logsource = { product: 'p' } } = one;
    const rules = [base('a', { product: 'p' }), base('b', { product: 'p', category: 'c' })];
    return [...rules, { title: 'filter', id: idOf(title), logsource, filter: one.filter }];
  }
  const detection =
    group.parts === undefined
      ? { selection: one.detection, condition: 'selection' }
      : { ...group.parts, condition: one.condition };
  const rule = { title, id: idOf(title), logsource: { category: 'test' }, detection };
  return group.placeholders === undefined ? [rule] : [{ placeholders: group.placeholders }, rule];
}

const base = (kind: string, logsource: object = { category: 'test' }) => ({
  title: kind,
  id: `00000000-0000-4000-8000-00000000000${kind}`,
  name: kind,
  logsource,
  detection: { selection: { kind }, condition: 'selection' },
});

/** A UUID of a text. */
function idOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function eventsOf(one: Written, group: WrittenGroup): Record<string, unknown>[] {
  if (one.apart === undefined) return one.events ?? group.events;
  // two within the timespan, two a second too far apart
  const of = (u: string, apart: number) => [
    { at: 0, kind: 'a', u },
    { at: apart, kind: 'a', u },
  ];
  return [...of('x', one.apart), ...of('y', one.apart + 1)];
}

const START = Date.UTC(2026, 0, 1);
const timed = ({ at, ...event }: Record<string, unknown>) =>
  at === undefined ? event : { timestamp: new Date(START + Number(at) * 1000).toISOString(), ...event };

function matchesOf(one: Written, group: WrittenGroup): Case['matches'] {
  if (one.matches !== undefined) return one.matches;
  if (one.apart !== undefined) return [['correlation', [1, 2]]];
  if (one.runs !== undefined) return [...one.runs.map((run) => ['correlation', run] as const), ...(one.also ?? [])];
  const lines = one.lines ?? [];
  return lines.length === 0 ? [] : [[`${group.group}: ${one.name}`, lines]];
}
