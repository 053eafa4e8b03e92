// Which rules events may concern, before their records are fanned out and what is known of them is joined. Every event is asked all questions
// of all rules at once (look.ts). Events with the same answers are alike to every rule: what these make of them is worked out once
// (compile/outline.ts), and only of rules that they can concern at all. Where the answers settle a rule nothing more is tested; where they
// leave it open what is left of it (compile/residue.ts) is tested, on those events (scan.ts). The sieve changes what a scan costs, never what it
// finds.
import type { Store } from '../../store/store.ts';
import { type Ask, anchorOf, joined, MAYBE, NO, type Outline, outlineOf, truthOf, YES } from '../compile/outline.ts';
import { createInquiry, type Inquiry } from '../compile/questions.ts';
import { residueOf } from '../compile/residue.ts';
import { type Expression, type FieldTest, testsOf } from '../language/expression.ts';
import type { EventRule } from '../language/rule.ts';
import type { Events, Source } from '../sources/source.ts';
import { type Answered, type Concerned, look } from './look.ts';

export interface Sieve {
  /** Rules that events concern. */
  readonly told: readonly EventRule[];
  /** Rules that may concern any event, for all that one tells by itself. */
  readonly open: readonly EventRule[];
  /** How many events are left. */
  readonly events: number;
  /** What is left to test of a rule on some events. */
  residuesOf(rule: EventRule): readonly Residue[];
  /** Columns of `key` and event_key; of some rules, by their places in the list, those that match the event (`settled`), and of some residues, by number, those that are left to test on it (`doubtful`). */
  among(some: readonly EventRule[], residues: readonly Residue[]): string;
  close(): Promise<void>;
}

export interface Residue {
  readonly number: number;
  readonly condition: Expression;
}

export type Sieved = Pick<Source, 'constraint'> & { readonly events: Events };

export async function openSieve(
  store: Store,
  source: Sieved,
  rules: readonly EventRule[],
  within: string,
): Promise<Sieve> {
  const inquiry = createInquiry();
  const outlined = rules.map((rule) => outlineOfRule(rule, source, inquiry.ask));
  const outlines = outlined.map(({ outline }) => outline);
  const isOpen = (place: number) => outlines[place]?.kind === 'known' && outlines[place].truth !== NO;
  const asked = outlined.map((one, place) => (isOpen(place) ? undefined : one));
  const residues = createResidues(rules, outlined);
  const settled = new Set<number>();
  const left = await look(
    store,
    source.events,
    { inquiry, words: rareWords(asked, inquiry.ofBytes), having: eventsOfWords(asked, inquiry), within },
    (answers) => {
      const concerned = concern(asked, answers, residues.of);
      for (const one of concerned) for (const place of one.settled) settled.add(place);
      return concerned;
    },
  );
  const placeOf = new Map(rules.map((rule, place) => [rule, place]));
  return {
    told: rules.filter((rule, place) => settled.has(place) || residues.ofRule(rule).length > 0),
    open: rules.filter((_, place) => isOpen(place)),
    events: left.events,
    residuesOf: residues.ofRule,
    among: (some, ofThese) => {
      const places = `[${some.map((rule) => placeOf.get(rule)).join(', ')}]::Array(UInt16)`;
      const numbers = `[${ofThese.map(({ number }) => number).join(', ')}]::Array(UInt32)`;
      return `SELECT * REPLACE (arrayIntersect(settled, ${places}) AS settled, arrayIntersect(doubtful, ${numbers}) AS doubtful) FROM ${left.table}
          WHERE hasAny(settled, ${places}) OR hasAny(doubtful, ${numbers})`;
    },
    close: left.drop,
  };
}

interface Outlined {
  outline: Outline;
  ofTest: ReadonlyMap<FieldTest, Outline>;
}

/** Expressions that no text stands for are asked where nothing else tells of a rule. */
function outlineOfRule({ condition, logsource }: EventRule, { events, constraint }: Sieved, ask: Ask): Outlined {
  const within = constraint(logsource);
  const outline = (expression: Expression, expressions: boolean) =>
    outlineOf(expression, { see: events.see, ask, expressions });
  const quick = outline(condition, false);
  const expressions = anchorOf(quick, () => 0) === undefined;
  const own = expressions ? outline(condition, true) : quick;
  const ofTest = new Map([...testsOf(condition)].map((test) => [test, outline(test, expressions)]));
  return {
    ofTest,
    outline:
      within === undefined ? own : joined('and', [{ kind: 'asked', any: [ask.test(within, true)], isAll: true }, own]),
  };
}

/** What answers leave of rules, each the same once. */
function createResidues(rules: readonly EventRule[], outlined: readonly Outlined[]) {
  let count = 0;
  const ofRules = new Map<EventRule, Map<string, Residue>>();
  return {
    /** What is left of a rule in `place`: true where it matches, false where it does not. */
    of: (place: number, isAnswered: (question: number) => boolean): number | boolean => {
      const [rule, one] = [rules[place], outlined[place]];
      if (!rule || !one) return false;
      const { condition } = rule;
      const left = residueOf(condition, (test) => truthOf(one.ofTest.get(test) ?? MAY_BE, isAnswered));
      if (typeof left === 'boolean') return left;
      const residues = ofRules.get(rule) ?? new Map<string, Residue>();
      ofRules.set(rule, residues);
      // of a rule that comes to many things, what is left is tested as the whole
      const own = residues.size < RESIDUES_MAX ? left : condition;
      const key = JSON.stringify(own);
      const residue = residues.get(key) ?? { number: count++, condition: own };
      residues.set(key, residue);
      return residue.number;
    },
    ofRule: (rule: EventRule): readonly Residue[] => [...(ofRules.get(rule)?.values() ?? [])],
  };
}

const MAY_BE: Outline = { kind: 'known', truth: MAYBE };
// Each is a condition of its own in a statement.
const RESIDUES_MAX = 8;

/**
 * Of words that are looked for in bytes those of which one must be there for any of them to matter; undefined where a rule may hold without.
 * Most records hold some word, a `0` or an option, and hardly one these.
 */
function rareWords(
  outlined: readonly (Outlined | undefined)[],
  { placeOf }: { placeOf(question: number): number | undefined },
): number[] | undefined {
  const isWord = (question: number) => placeOf(question) !== undefined;
  const words = new Set<number>();
  for (const one of outlined) {
    const outline = one?.outline;
    if (outline === undefined || !questionsOf(outline).some(isWord)) continue;
    const anchor = anchorOf(outline, (some) => (some.every(isWord) ? some.length : Number.POSITIVE_INFINITY));
    if (anchor === undefined || !anchor.every(isWord)) return undefined;
    for (const question of anchor) words.add(placeOf(question) ?? 0);
  }
  return [...words];
}

/** What columns of few values have of events whose words matter to a rule (SQL); undefined where any event's may. */
function eventsOfWords(outlined: readonly (Outlined | undefined)[], { ofBytes, ofFew }: Inquiry): string | undefined {
  const isFew = (question: number) => ofFew.sqlOf(question) !== undefined;
  const conditions = new Set<string>();
  for (const one of outlined) {
    if (!one || !questionsOf(one.outline).some((question) => ofBytes.placeOf(question) !== undefined)) continue;
    const anchor = anchorOf(one.outline, (some) => (some.every(isFew) ? some.length : Number.POSITIVE_INFINITY));
    if (!anchor?.every(isFew)) return undefined;
    for (const question of anchor) conditions.add(ofFew.sqlOf(question) ?? '1');
  }
  return conditions.size === 0 ? undefined : [...conditions].join(' OR ');
}

function questionsOf(outline: Outline): readonly number[] {
  switch (outline.kind) {
    case 'known':
      return [];
    case 'asked':
      return outline.any;
    case 'not':
      return questionsOf(outline.of);
    default:
      return outline.of.flatMap(questionsOf);
  }
}

function concern(
  outlined: readonly (Outlined | undefined)[],
  answered: readonly Answered[],
  residueOfRule: (place: number, isAnswered: (question: number) => boolean) => number | boolean,
): Concerned[] {
  const counts: number[] = [];
  for (const { numbers, events } of answered)
    for (const number of numbers) counts[number] = (counts[number] ?? 0) + events;
  const weigh = (questions: readonly number[]) => questions.reduce((sum, number) => sum + (counts[number] ?? 0), 0);
  const anchored = new Map<number, number[]>();
  const free: number[] = [];
  for (const [place, one] of outlined.entries()) {
    if (one === undefined) continue;
    const anchor = anchorOf(one.outline, weigh);
    if (anchor === undefined) free.push(place);
    else for (const number of anchor) anchored.set(number, [...(anchored.get(number) ?? []), place]);
  }
  return answered.flatMap(({ answer, numbers }) => {
    const yes = new Set(numbers);
    const places = new Set([...free, ...numbers.flatMap((number) => anchored.get(number) ?? [])]);
    const settled: number[] = [];
    const doubtful: number[] = [];
    for (const place of places) {
      const outline = outlined[place]?.outline;
      const isAnswered = (question: number) => yes.has(question);
      const truth = outline ? truthOf(outline, isAnswered) : NO;
      const left = truth === MAYBE ? residueOfRule(place, isAnswered) : truth === YES;
      if (left === true) settled.push(place);
      else if (left !== false) doubtful.push(left);
    }
    return settled.length + doubtful.length === 0 ? [] : [{ answer, settled, doubtful }];
  });
}
