// Which rules events may concern, before their records are fanned out and what is known of them is joined. Every event is asked all questions
// of all rules at once (look.ts). Events with the same answers are alike to every rule: what these make of them is worked out once
// (compile/outline.ts), and only of rules that they can concern at all. Where the answers settle a rule nothing more is tested; where they
// leave it open the rule is tested in full, on those events (scan.ts). The sieve changes what a scan costs, never what it finds.
import type { Store } from '../../store/store.ts';
import { type Ask, anchorOf, joined, MAYBE, NO, type Outline, outlineOf, truthOf, YES } from '../compile/outline.ts';
import { createInquiry } from '../compile/questions.ts';
import type { EventRule } from '../language/rule.ts';
import type { Events, Source } from '../sources/source.ts';
import { type Answered, type Concerned, look } from './look.ts';

export interface Sieve {
  /** Rules that events concern. */
  readonly told: readonly EventRule[];
  /** Rules that may concern any event, for all that one tells by itself. */
  readonly open: readonly EventRule[];
  /** Whether a rule must be tested in full on some events. */
  isLeftOpen(rule: EventRule): boolean;
  /** Columns of `key` and event_key, and by their places in the list the rules that match the event (`settled`) and those that may (`doubtful`). */
  among(some: readonly EventRule[]): string;
  close(): Promise<void>;
}

export type Sieved = Pick<Source, 'constraint'> & { readonly events: Events };

export async function openSieve(
  store: Store,
  source: Sieved,
  rules: readonly EventRule[],
  within: string,
): Promise<Sieve> {
  const inquiry = createInquiry();
  const outlines = rules.map((rule) => outlineOfRule(rule, source, inquiry.ask));
  const isOpen = (place: number) => outlines[place]?.kind === 'known' && outlines[place].truth !== NO;
  const asked = outlines.map((outline, place) => (isOpen(place) ? undefined : outline));
  const settled = new Set<number>();
  const doubtful = new Set<number>();
  const left = await look(
    store,
    source.events,
    { inquiry, words: rareWords(asked, inquiry.ofBytes), within },
    (answers) => {
      const concerned = concern(asked, answers);
      for (const one of concerned) {
        for (const place of one.settled) settled.add(place);
        for (const place of one.doubtful) doubtful.add(place);
      }
      return concerned;
    },
  );
  const placeOf = new Map(rules.map((rule, place) => [rule, place]));
  return {
    told: rules.filter((_, place) => settled.has(place) || doubtful.has(place)),
    open: rules.filter((_, place) => isOpen(place)),
    isLeftOpen: (rule) => doubtful.has(placeOf.get(rule) ?? -1),
    among: (some) => {
      const places = `[${some.map((rule) => placeOf.get(rule)).join(', ')}]::Array(UInt16)`;
      const own = (list: string) => `arrayIntersect(${list}, ${places})`;
      return `SELECT * REPLACE (${own('settled')} AS settled, ${own('doubtful')} AS doubtful) FROM ${left.table}
          WHERE hasAny(settled, ${places}) OR hasAny(doubtful, ${places})`;
    },
    close: left.drop,
  };
}

/** Expressions that no text stands for are asked where nothing else tells of a rule. */
function outlineOfRule({ condition, logsource }: EventRule, { events, constraint }: Sieved, ask: Ask): Outline {
  const within = constraint(logsource);
  const outline = (expressions: boolean) => outlineOf(condition, { see: events.see, ask, expressions });
  const quick = outline(false);
  const own = anchorOf(quick, () => 0) === undefined ? outline(true) : quick;
  return within === undefined
    ? own
    : joined('and', [{ kind: 'asked', any: [ask.test(within, true)], isAll: true }, own]);
}

/**
 * Of words that are looked for in bytes those of which one must be there for any of them to matter; undefined where a rule may hold without.
 * Most records hold some word, a `0` or an option, and hardly one these.
 */
function rareWords(
  outlines: readonly (Outline | undefined)[],
  { placeOf }: { placeOf(question: number): number | undefined },
): number[] | undefined {
  const isWord = (question: number) => placeOf(question) !== undefined;
  const words = new Set<number>();
  for (const outline of outlines) {
    if (outline === undefined || !questionsOf(outline).some(isWord)) continue;
    const anchor = anchorOf(outline, (some) => (some.every(isWord) ? some.length : Number.POSITIVE_INFINITY));
    if (anchor === undefined || !anchor.every(isWord)) return undefined;
    for (const question of anchor) words.add(placeOf(question) ?? 0);
  }
  return [...words];
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

function concern(outlines: readonly (Outline | undefined)[], answered: readonly Answered[]): Concerned[] {
  const counts: number[] = [];
  for (const { numbers, events } of answered)
    for (const number of numbers) counts[number] = (counts[number] ?? 0) + events;
  const weigh = (questions: readonly number[]) => questions.reduce((sum, number) => sum + (counts[number] ?? 0), 0);
  const anchored = new Map<number, number[]>();
  const free: number[] = [];
  for (const [place, outline] of outlines.entries()) {
    if (outline === undefined) continue;
    const anchor = anchorOf(outline, weigh);
    if (anchor === undefined) free.push(place);
    else for (const number of anchor) anchored.set(number, [...(anchored.get(number) ?? []), place]);
  }
  return answered.flatMap(({ answer, numbers }) => {
    const yes = new Set(numbers);
    const places = new Set([...free, ...numbers.flatMap((number) => anchored.get(number) ?? [])]);
    const settled: number[] = [];
    const doubtful: number[] = [];
    for (const place of places) {
      const outline = outlines[place];
      const truth = outline ? truthOf(outline, (question) => yes.has(question)) : NO;
      if (truth === YES) settled.push(place);
      else if (truth === MAYBE) doubtful.push(place);
    }
    return settled.length + doubtful.length === 0 ? [] : [{ answer, settled, doubtful }];
  });
}
