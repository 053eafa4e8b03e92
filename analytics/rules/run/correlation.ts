// Correlation rules over the hits of event rules of any log sources, and over runs of other correlations. Hits are grouped by fields,
// places or aliases; within a group windows.ts and ordered.ts find runs. A finding is a maximal run: what runs there are is a pure
// function of the hits, whatever the order they came in.
import { type Clocks, createClocks } from '../../entities/clocks/clocks.ts';
import { basesOf, eventRulesOf, fieldIn, generatingRules, inOrder } from '../language/references.ts';
import type { CorrelationRule, EventRule, Rule } from '../language/rule.ts';
import type { Source } from '../sources/source.ts';
import { measureOf } from './measure.ts';
import { byTime, momentOf, type Occurrence, serialOf } from './occurrence.ts';
import { runsInOrder } from './ordered.ts';
import { isPlace, placeOf } from './place-names.ts';
import type { Hit } from './scan.ts';
import { type FoundRun, runsInWindows } from './windows.ts';

/** What a correlation keeps of the hits that it found together. */
export interface Run {
  readonly rule: CorrelationRule;
  /** In order of time; the first gives the finding its key. */
  readonly hits: readonly Hit[];
  /** Which of the hits is the first of each base rule, by its name. */
  readonly firstOf: ReadonlyMap<string, Hit>;
  /** What the rule counts or computes, over the whole run; of temporal correlations how many events. */
  readonly count: number;
  readonly spanMs: number;
}

export interface Correlations {
  /** Fields of hits whose values are needed, and places: a log source may have them as fields. */
  readonly fields: readonly string[];
  /** Which of them of the hits of one rule. */
  fieldsOf(rule: EventRule): readonly string[];
  /** A hit with the place where it is known to have happened: correlations may group by it. */
  add(hit: Hit, layer: Source['layer']): void;
  /** Runs of rules that make findings; those that only feed other correlations are not told. */
  runs(): Iterable<Run>;
}

// A finding names its events; a burst of more is told by its count and its first events.
const HITS_NAMED_MAX = 1000;

/** @param clocks without: what nothing is known of */
export function correlate(rules: readonly Rule[], clocks: Clocks = createClocks([])): Correlations {
  const correlations = inOrder(rules);
  const generating = generatingRules(rules);
  const bases = new Map(correlations.map((rule) => [rule, basesOf(rule, rules)]));
  const isBase = new Set([...bases.values()].flat().map(({ id }) => id));
  const added = new Map<string, { hit: Hit; layer: Source['layer'] }[]>();
  const asked = askedOf(correlations, rules);
  return {
    fields: [...new Set(correlations.flatMap(namesOf))],
    fieldsOf: (rule) => [...(asked.get(rule) ?? [])],
    add: (hit, layer) => {
      for (const { id } of hit.rules) {
        if (!isBase.has(id)) continue;
        const hits = added.get(id);
        if (hits === undefined) added.set(id, [{ hit, layer }]);
        else hits.push({ hit, layer });
      }
    },
    *runs() {
      const found = new Map<string, GroupRun[]>();
      for (const rule of correlations) {
        const groups = createGroups(rule);
        for (const [position, base] of (bases.get(rule) ?? []).entries()) {
          for (const { hit, layer } of added.get(base.id) ?? []) groups.add(position, base, fromHit(hit, layer));
          for (const run of found.get(base.id) ?? []) {
            for (const occurrence of fromRun(rule, run)) groups.add(position, base, occurrence);
          }
        }
        const names = (bases.get(rule) ?? []).map((base) => base.name ?? base.id);
        const ofRule = [...groups.all()].flatMap((group) => runsOfGroup(rule, group, names, clocks));
        found.set(rule.id, ofRule);
        if (generating.has(rule)) for (const { run } of ofRule) yield run;
      }
    },
  };
}

/** The fields that are asked of the hits of each event rule: by correlations that rest on it, and by those that rest on these. */
function askedOf(correlations: readonly CorrelationRule[], rules: readonly Rule[]): Map<EventRule, Set<string>> {
  const asked = new Map<EventRule, Set<string>>();
  const add = (rule: EventRule, names: readonly (string | undefined)[]) => {
    const known = asked.get(rule) ?? new Set();
    for (const name of names) if (name !== undefined && !isPlace(name)) known.add(name);
    asked.set(rule, known);
  };
  for (const rule of correlations) {
    const direct = basesOf(rule, rules);
    for (const base of eventRulesOf(rule, rules)) {
      const position = direct.indexOf(base);
      if (position < 0) add(base, namesOf(rule));
      else
        add(
          base,
          [...rule.groupBy, ...rule.fields].map((name) => fieldIn(rule, position, base, name)),
        );
    }
  }
  return asked;
}

/** Every name of a field or place that a correlation may ask of a hit. */
function namesOf(rule: CorrelationRule): string[] {
  const aliased = Object.values(rule.aliases).flatMap((fields) => Object.values(fields));
  return [...rule.groupBy, ...rule.fields, ...aliased].filter((name) => !(name in rule.aliases));
}

interface Candidate {
  readonly hit: Hit;
  readonly layer: Source['layer'];
  readonly hits: readonly Hit[];
  readonly unit: string;
  /** What a run of a correlation was grouped by. */
  readonly grouped: ReadonlyMap<string, string> | undefined;
}

function fromHit(hit: Hit, layer: Source['layer']): Candidate {
  const { cluster, node } = momentOf(hit, layer);
  return { hit, layer, hits: [hit], unit: [cluster, node, layer, hit.event_key].join('\0'), grouped: undefined };
}

interface GroupRun {
  readonly run: Run;
  readonly reached: readonly Occurrence[];
  readonly grouped: ReadonlyMap<string, string>;
}

// Temporal correlations ask when a run's condition held; the others count runs.
function fromRun(rule: CorrelationRule, { run, reached, grouped }: GroupRun): Candidate[] {
  const [first] = run.hits;
  const unit = [run.rule.id, ...grouped.values(), first?.cluster, first?.node, first?.event_key].join('\0');
  const moments = rule.type === 'temporal' || rule.type === 'temporal_ordered' ? reached : reached.slice(0, 1);
  return moments.map(({ hit, moment }) => ({ hit, layer: moment.layer, hits: run.hits, unit, grouped }));
}

interface Group {
  readonly grouped: ReadonlyMap<string, string>;
  readonly occurrences: Occurrence[];
}

function createGroups(rule: CorrelationRule) {
  const groups = new Map<string, { grouped: Map<string, string>; byUnit: Map<string, Occurrence> }>();
  const joins = rule.type === 'temporal' || rule.type === 'temporal_ordered';
  return {
    add: (position: number, base: Rule, candidate: Candidate) => {
      const { hit, hits, unit, layer } = candidate;
      const ofName = (name: string) => valueFor(rule, position, base, candidate, name);
      const keys = rule.groupBy.map(ofName);
      // that two events both lack something does not make them belong together
      if (joins && keys.some((key) => key === '')) return;
      const key = JSON.stringify([hit.cluster, ...keys]);
      const group = groups.get(key) ?? {
        grouped: new Map(rule.groupBy.map((name, n) => [name, keys[n] ?? ''])),
        byUnit: new Map(),
      };
      groups.set(key, group);
      const at = `${unit}\0${hit.time}`;
      const known = group.byUnit.get(at);
      const values = rule.fields.map(ofName);
      const moment = momentOf(hit, layer);
      group.byUnit.set(at, {
        // of several records of one event, that of the rule named first speaks for it
        hit: known === undefined || Math.min(...known.rules) > position ? hit : known.hit,
        hits: known === undefined ? hits : [...new Set([...known.hits, ...hits])],
        unit,
        atUs: moment.at_us,
        moment,
        serial: serialOf(hit.event_key),
        rules: new Set([...(known?.rules ?? []), position]),
        value: values.length === 0 || values.some((v) => v === '') ? known?.value : values.join('\0'),
      });
    },
    *all(): Iterable<Group> {
      for (const { grouped, byUnit } of groups.values()) yield { grouped, occurrences: [...byUnit.values()] };
    },
  };
}

function valueFor(rule: CorrelationRule, position: number, base: Rule, candidate: Candidate, name: string): string {
  const field = fieldIn(rule, position, base, name);
  if (field === undefined) return '';
  const grouped = candidate.grouped?.get(field);
  if (grouped !== undefined) return grouped;
  return isPlace(field) ? placeOf(candidate.hit, field) : (candidate.hit.values[field] ?? '');
}

function runsOfGroup(
  rule: CorrelationRule,
  { grouped, occurrences }: Group,
  names: readonly string[],
  clocks: Clocks,
): GroupRun[] {
  const ordered = onOneAxis(occurrences, clocks).sort(byTime);
  const found = rule.type === 'temporal_ordered' ? runsInOrder(rule, ordered, clocks) : runsInWindows(rule, ordered);
  return found.map((one) => ({ run: finished(rule, one, names), reached: one.reached, grouped }));
}

// Events of one layer keep their own stamps; of several they are brought to the clock of the API server.
function onOneAxis(occurrences: readonly Occurrence[], clocks: Clocks): Occurrence[] {
  const layers = new Set(occurrences.map(({ moment }) => moment.layer));
  if (layers.size <= 1) return [...occurrences];
  return occurrences.map((occurrence) => ({ ...occurrence, atUs: clocks.byApi(occurrence.moment).at_us }));
}

function finished(rule: CorrelationRule, { occurrences }: FoundRun, names: readonly string[]): Run {
  const measure = measureOf(rule);
  for (const occurrence of occurrences) measure.add(occurrence);
  const temporal = rule.type === 'temporal' || rule.type === 'temporal_ordered';
  const units = new Set(occurrences.map(({ unit }) => unit)).size;
  const hits = [...new Set(occurrences.flatMap((occurrence) => occurrence.hits))];
  const firstOf = new Map<string, Hit>();
  for (const { rules, hit } of occurrences) {
    for (const n of rules) {
      const name = names[n] ?? '';
      if (!firstOf.has(name)) firstOf.set(name, hit);
    }
  }
  const spanUs = (occurrences.at(-1)?.atUs ?? 0) - (occurrences[0]?.atUs ?? 0);
  return {
    rule,
    hits: hits.slice(0, HITS_NAMED_MAX),
    firstOf,
    count: temporal ? units : (measure.value() ?? units),
    spanMs: spanUs / 1000,
  };
}
