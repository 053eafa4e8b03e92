// Which rules events may concern, before their records are fanned out and what is known of them is joined. Every event is asked all questions
// of all rules at once (compile/questions.ts). Events with the same answers are alike to every rule: what these make of an answer is worked
// out once (compile/outline.ts), and only of rules that it can concern at all. Where the answers settle a rule nothing more is tested; where
// they leave it open the rule is tested in full, on those events (scan.ts). The sieve changes what a scan costs, never what it finds.
import { z } from 'zod';
import { openScratchTable } from '../../store/scratch.ts';
import type { Store } from '../../store/store.ts';
import { anchorOf, joined, MAYBE, NO, type Outline, outlineOf, truthOf, YES } from '../compile/outline.ts';
import { createQuestions, type Questions } from '../compile/questions.ts';
import type { EventRule } from '../language/rule.ts';
import type { Events, Source } from '../sources/source.ts';

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
  { events, constraint }: Sieved,
  rules: readonly EventRule[],
  within: string,
): Promise<Sieve> {
  const questions = createQuestions();
  const outlines = rules.map((rule) => {
    const condition = outlineOf(rule.condition, { see: events.see, ask: questions.ask });
    const asked = constraint(rule.logsource);
    return asked === undefined
      ? condition
      : joined('and', [{ kind: 'asked', any: [questions.ask.test(asked)], isAll: true }, condition]);
  });
  const isOpen = (place: number) => outlines[place]?.kind === 'known' && outlines[place].truth !== NO;
  const looked = await openScratchTable(store, 'looked', lookSql(events, questions, within));
  try {
    const answers = await readAnswers(store, looked.table, questions);
    const concerned = concern(
      outlines.map((outline, place) => (isOpen(place) ? undefined : outline)),
      answers,
    );
    const left = await keep(store, looked.table, events, concerned);
    const settled = new Set(concerned.flatMap((one) => one.settled));
    const doubtful = new Set(concerned.flatMap((one) => one.doubtful));
    return {
      told: rules.filter((_, place) => settled.has(place) || doubtful.has(place)),
      open: rules.filter((_, place) => isOpen(place)),
      isLeftOpen: (rule) => doubtful.has(rules.indexOf(rule)),
      among: (some) => {
        const places = `[${some.map((rule) => rules.indexOf(rule)).join(', ')}]::Array(UInt16)`;
        const own = (list: string) => `arrayIntersect(${list}, ${places})`;
        return `SELECT * REPLACE (${own('settled')} AS settled, ${own('doubtful')} AS doubtful) FROM ${left.table}
          WHERE hasAny(settled, ${places}) OR hasAny(doubtful, ${places})`;
      },
      close: left.drop,
    };
  } finally {
    await looked.drop();
  }
}

/** On disk: there is a row for every event. */
function lookSql({ key, from, alias }: Events, questions: Questions, within: string): string {
  const bytes = questions.bytes();
  const inBytes =
    bytes === undefined
      ? ''
      : `LEFT ANY JOIN
(
    SELECT cluster AS b_cluster, node AS b_node, event_key AS b_event_key, groupUniqArrayArray(words) AS in_bytes
    FROM (SELECT cluster, node, event_key, ${bytes} AS words FROM records_all WHERE source = 'auditd' AND notEmpty(words))
    GROUP BY b_cluster, b_node, b_event_key
) AS b ON b_cluster = ${alias}.cluster AND b_node = ${alias}.node AND b_event_key = ${alias}.event_key`;
  const columns = [...key, 'event_key'].map((name) => `${alias}.${name} AS ${name}`).join(', ');
  return `ENGINE = MergeTree ORDER BY tuple() AS
SELECT ${columns}, ${questions.columns()} AS answers, cityHash64(answers) AS answer
FROM ${from(within)} ${inBytes}`;
}

interface Answer {
  answer: string;
  numbers: readonly number[];
  events: number;
}

const AnswerRow = z.object({
  answer: z.string(),
  answers: z.array(z.array(z.coerce.number())),
  events: z.coerce.number(),
});

async function readAnswers(store: Store, table: string, questions: Questions): Promise<Answer[]> {
  const answers: Answer[] = [];
  const sql = `SELECT toString(answer) AS answer, any(answers) AS answers, count() AS events FROM ${table} GROUP BY answer`;
  for await (const row of store.stream(sql)) {
    const { answer, answers: found, events } = AnswerRow.parse(row);
    answers.push({ answer, numbers: questions.numbersOf(found), events });
  }
  return answers;
}

/** Places of rules, by the answer that concerns them. */
interface Concerned {
  answer: string;
  settled: readonly number[];
  doubtful: readonly number[];
}

function concern(outlines: readonly (Outline | undefined)[], answers: readonly Answer[]): Concerned[] {
  const counts: number[] = [];
  for (const { numbers, events } of answers)
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
  return answers.flatMap(({ answer, numbers }) => {
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

async function keep(store: Store, looked: string, { key }: Events, concerned: readonly Concerned[]) {
  const definition = '(answer UInt64, settled Array(UInt16), doubtful Array(UInt16)) ENGINE = Memory';
  const ofAnswer = await openScratchTable(store, 'concerned', definition);
  try {
    if (concerned.length > 0) await store.insert(ofAnswer.table, concerned.map((one) => ({ ...one })));
    return await openScratchTable(
      store,
      'left',
      `ENGINE = Memory AS SELECT ${key.join(', ')}, event_key, settled, doubtful FROM ${looked} INNER JOIN ${ofAnswer.table} USING (answer)`,
    );
  } finally {
    await ofAnswer.drop();
  }
}
