// `rules eval`: any rules over any events in JSON, without a store kept. The events become rows of a table of the fields that
// the rules ask for (sources/json-event.ts), which is then scanned like any log source: same compiler, same engine.
//
//   const { matches, refused } = await evalRules(store, rules, events, { timeField });
//   store   an engine to work in: nothing of it is kept but what it held before
//   events  { n, event }: the number that matches name the event by, and the parsed JSON (parseEvent)
//   matches one a rule and event { rule_id, rule_title, event, alias }, a correlation also with events: [n, ...];
//           in order of event and rule
//   refused rules that cannot be run, and why; the others are
//
// Rules for product kubernetes, service audit also have the aliases and Vestige's own fields that a native event alone gives.
import type { Store } from '../../store/store.ts';
import { refusedByEngine } from '../compile/runnable.ts';
import { type Expression, fieldsOf, testsOf } from '../language/expression.ts';
import { generatingRules, withoutRefused } from '../language/references.ts';
import type { EventRule, Rule, RuleProblem } from '../language/rule.ts';
import { k8sAudit } from '../sources/k8s-audit.ts';
import { correlate } from './correlation.ts';
import { createEvalTable, type EvalTable, NATIVE } from './eval-table.ts';
import { type Hit, scan } from './scan.ts';

export interface EvalEvent {
  readonly n: number;
  readonly event: unknown;
}

export interface EvalMatch {
  rule_id: string;
  rule_title: string;
  event: number;
  /** Fields that native events do not have and that were read as something else, where only that made the rule match. */
  alias: string | null;
  events?: number[];
}

export interface Evaluated {
  matches: EvalMatch[];
  refused: RuleProblem[];
  /** Events that correlations could not place in time; all of them: no field with a time was found. */
  untimed: number;
  events: number;
}

interface EvalOptions {
  /** Where events have their time; without it, the first of the usual names. */
  readonly timeField?: string | undefined;
}

export async function evalRules(
  store: Store,
  given: readonly Rule[],
  events: AsyncIterable<EvalEvent> | Iterable<EvalEvent>,
  options: EvalOptions = {},
): Promise<Evaluated> {
  const table = createEvalTable(store, options.timeField);
  const { rules, refused } = await runnable(store, given, table);
  const generating = generatingRules(rules);
  const correlations = correlate(rules);
  for (const name of correlations.fields) for (const rows of table.sources) rows.field(name);
  const eventRules = rules.filter((rule) => rule.kind === 'event');
  const seen = { events: 0, untimed: 0 };
  const matches: EvalMatch[] = [];
  const [plain, kubernetes] = table.sources;
  const groups = [
    { source: plain, rules: eventRules.filter((rule) => !isKubernetes(rule)) },
    { source: kubernetes, rules: eventRules.filter(isKubernetes) },
  ].map(({ source, rules: own }) => ({ source, ...withTwins(own) }));
  await table.fill(events, seen, async () => {
    const hits = new Map<number, Hit>();
    for (const { source, all, twins } of groups) {
      if (all.length === 0) continue;
      for await (const hit of scan(store, source, all, { fields: correlations.fields })) {
        const event = Number(hit.event_key);
        const { rules: own, aliases } = withoutTwins(hit.rules, twins);
        for (const rule of own.filter((one) => generating.has(one))) {
          matches.push({ rule_id: rule.id, rule_title: rule.title, event, alias: aliases.get(rule) ?? null });
        }
        const known = hits.get(event);
        if (!known) hits.set(event, { ...hit, rules: own });
        else {
          known.rules.push(...own);
          for (const [name, value] of Object.entries(hit.values)) known.values[name] ||= value;
        }
      }
    }
    for (const hit of hits.values()) if (hit.words['timed'] === '1') correlations.add(hit, LAYER);
  });
  for (const { rule, hits } of correlations.runs()) {
    const lines = hits.map((hit) => Number(hit.event_key)).sort((a, b) => a - b);
    const [event = 0] = lines;
    matches.push({ rule_id: rule.id, rule_title: rule.title, event, alias: null, events: lines });
  }
  matches.sort((a, b) => a.event - b.event || (a.rule_id < b.rule_id ? -1 : 1));
  return { matches, refused, ...seen };
}

/** Whatever the events are: correlations take them as told by one clock, in the order of their numbers where it stands still. */
const LAYER = 'k8s-audit';

const isKubernetes = (rule: EventRule) => k8sAudit.accepts(rule.logsource);

async function runnable(store: Store, given: readonly Rule[], table: EvalTable) {
  const refused = await refusedByEngine(store, given);
  const [plain, kubernetes] = table.sources;
  for (const rule of given) {
    if (rule.kind !== 'event') continue;
    const { field } = isKubernetes(rule) ? kubernetes : plain;
    const unknown = new Map(
      [...testsOf(rule.condition)].flatMap((test) => fieldsOf(test).map((name) => [name, test.at] as const)),
    );
    for (const name of unknown.keys()) if (field(name)) unknown.delete(name); // the table learns which fields it needs
    for (const [name, at] of unknown) refused.push({ path: rule.path, at, detail: unknownTo(name) });
  }
  return withoutRefused(given, refused);
}

const unknownTo = (name = '') => `"${name}" is known of events in a store only, not of an event alone`;

/** Of each rule with aliases a second one, that has the fields of the event alone: where it matches too, no alias was needed. */
function withTwins(rules: readonly EventRule[]) {
  const twins = new Map<EventRule, EventRule>();
  for (const rule of rules) {
    if (isKubernetes(rule) && aliasesOf(rule).length > 0)
      twins.set(rule, { ...rule, condition: natively(rule.condition) });
  }
  return { all: [...rules, ...twins.values()], twins };
}

function withoutTwins(rules: readonly EventRule[], twins: ReadonlyMap<EventRule, EventRule>) {
  const isTwin = new Set(twins.values());
  const aliases = new Map<EventRule, string>();
  const own = rules.filter((rule) => !isTwin.has(rule));
  for (const rule of own) {
    const twin = twins.get(rule);
    if (twin && !rules.includes(twin)) aliases.set(rule, aliasesOf(rule).join(', '));
  }
  return { rules: own, aliases };
}

const aliasesOf = (rule: EventRule) => [
  ...new Set(
    [...testsOf(rule.condition)].flatMap((test) =>
      test.field !== undefined && k8sAudit.aliasOf?.(test) !== undefined ? [test.field] : [],
    ),
  ),
];

function natively(expression: Expression): Expression {
  switch (expression.kind) {
    case 'test':
      return expression.field === undefined ? expression : { ...expression, field: `${NATIVE}${expression.field}` };
    case 'not':
      return { ...expression, of: natively(expression.of) };
    default:
      return { ...expression, of: expression.of.map(natively) };
  }
}
