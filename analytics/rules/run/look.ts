// Asks every event all questions of all rules (compile/questions.ts) and keeps those that concern a rule, with the rules they do. Columns of few
// values are asked once for each of their combinations. Answers are told apart by a hash that nobody can make two of that are alike.
import { z } from 'zod';
import { openScratchTable, withScratchTable } from '../../store/scratch.ts';
import type { Store } from '../../store/store.ts';
import type { Inquiry, Questions } from '../compile/questions.ts';
import type { Events } from '../sources/source.ts';

/** Numbers of the questions that some events answer with yes. */
export interface Answered {
  answer: Answer;
  numbers: readonly number[];
  events: number;
}

/** Which answer it is, of each kind of columns. */
interface Answer {
  few: string;
  own: string;
}

/** Places of rules, by the answer that concerns them. */
export interface Concerned {
  answer: Answer;
  settled: readonly number[];
  doubtful: readonly number[];
}

interface Asked {
  inquiry: Inquiry;
  /** Records that hold none of these (places among the words looked for) may be taken for those that hold none at all. */
  words: readonly number[] | undefined;
  within: string;
}

/** A table with the events' key, event_key, settled and doubtful. */
export async function look(
  store: Store,
  events: Events,
  asked: Asked,
  concern: (answered: readonly Answered[]) => readonly Concerned[],
): Promise<{ table: string; drop(): Promise<void> }> {
  const { inquiry } = asked;
  const work = (words: string | undefined) =>
    // on disk: there is a row for every event
    withScratchTable(store, 'looked', lookSql(events, asked, words), async (looked) => {
      const few = await readFew(store, looked, events, inquiry);
      const own = await readAnswers(
        store,
        `SELECT toString(own) AS id, any(answers) AS answers FROM ${looked} GROUP BY own`,
        (answers) => [...inquiry.ofOthers.numbersOf(answers), ...inquiry.ofBytes.numbersOf(answers.slice(-1))],
      );
      return keep(store, looked, events, concern(await readAnswered(store, looked, few, own)));
    });
  if (!inquiry.ofBytes.isAny()) return work(undefined);
  return withScratchTable(store, 'words', wordsSql(asked), work);
}

// A record's time is its event's, but for those that were clamped (schema of records). Both are put together by serial: of two events with the same, at another boot, both may hold what one does.
const wordsSql = ({ inquiry, words, within }: Asked) => `ENGINE = Memory AS
SELECT cluster AS b_cluster, node AS b_node, toUInt64OrZero(splitByChar(':', event_key)[-1]) AS b_serial, groupUniqArrayArray(found)::Array(UInt16) AS b_words
FROM
(
    SELECT cluster, node, event_key, ${inquiry.ofBytes.columns()}[1] AS found
    FROM (SELECT *, event_time AS time FROM records_all WHERE source = 'auditd')
    WHERE (${within} OR time NOT BETWEEN '2015-01-02' AND '2099-12-30') AND ${words === undefined ? 'notEmpty(found)' : `hasAny(found, [${words.join(', ')}]::Array(UInt16))`}

)
GROUP BY b_cluster, b_node, b_serial`;

// of one column of few values the engine makes a number of few values
const hash = (sql: string) => `CAST(reinterpretAsUInt128(sipHash128(${sql})), 'UInt128')`;

function lookSql(events: Events, { inquiry, within }: Asked, words: string | undefined): string {
  const { key, from, alias } = events;
  const few = fewOf(events, inquiry.ofFew);
  const ofKey = key.map((name) => `${alias}.${name} AS ${name}`);
  const ofFew = few.map((name) => `${alias}.${name} AS few_${name}`);
  const asked = `SELECT ${[...ofKey, ...ofFew].join(', ')}, ${inquiry.ofOthers.columns()} AS others FROM ${from(within)}`;
  const answered =
    words === undefined
      ? `SELECT *, arrayPushBack(others, []) AS answers FROM (${asked})`
      : `SELECT *, arrayPushBack(others, b_words) AS answers FROM (${asked}) AS l LEFT ANY JOIN ${words} AS b
         ON b_cluster = cluster AND b_node = node AND b_serial = serial`;
  const fewNames = few.map((name) => `few_${name}`);
  return `ENGINE = MergeTree ORDER BY tuple() AS
WITH ${inquiry.with()}
SELECT ${[...key, ...fewNames].join(', ')}, answers, ${hash('answers')} AS own, ${few.length === 0 ? 'toUInt128(0)' : hash(fewNames.join(', '))} AS few
FROM (${answered})
SETTINGS query_plan_join_swap_table = 'false'`;
}

/** Of the columns of few values those that are asked. */
function fewOf({ few }: Events, questions: Questions): string[] {
  const sql = questions.columns();
  return few.filter((name) => new RegExp(`\\b${name}\\b`).test(sql));
}

function readFew(store: Store, looked: string, events: Events, { ofFew, with: texts }: Inquiry) {
  const columns = fewOf(events, ofFew).map((name) => `any(few_${name}) AS ${name}`);
  const each = `SELECT toString(few) AS id${['', ...columns].join(', ')} FROM ${looked} GROUP BY few`;
  const sql = `WITH ${texts()} SELECT ${events.alias}.id AS id, ${ofFew.columns()} AS answers FROM (${each}) AS ${events.alias}`;
  return readAnswers(store, sql, ofFew.numbersOf);
}

const AnswersRow = z.object({ id: z.string(), answers: z.array(z.array(z.coerce.number())) });

async function readAnswers(
  store: Store,
  sql: string,
  numbersOf: Questions['numbersOf'],
): Promise<Map<string, readonly number[]>> {
  const answers = new Map<string, readonly number[]>();
  for await (const row of store.stream(sql)) {
    const { id, answers: found } = AnswersRow.parse(row);
    answers.set(id, numbersOf(found));
  }
  return answers;
}

const AnsweredRow = z.object({ few: z.string(), own: z.string(), events: z.coerce.number() });

async function readAnswered(
  store: Store,
  looked: string,
  ofFew: ReadonlyMap<string, readonly number[]>,
  ofOwn: ReadonlyMap<string, readonly number[]>,
): Promise<Answered[]> {
  const answered: Answered[] = [];
  const sql = `SELECT toString(${looked}.few) AS few, toString(${looked}.own) AS own, count() AS events FROM ${looked} GROUP BY ${looked}.few, ${looked}.own`;
  for await (const row of store.stream(sql)) {
    const { few, own, events } = AnsweredRow.parse(row);
    answered.push({ answer: { few, own }, numbers: [...(ofFew.get(few) ?? []), ...(ofOwn.get(own) ?? [])], events });
  }
  return answered;
}

function keep(store: Store, looked: string, { key, eventKey }: Events, concerned: readonly Concerned[]) {
  const definition = '(few UInt128, own UInt128, settled Array(UInt16), doubtful Array(UInt16)) ENGINE = Memory';
  return withScratchTable(store, 'concerned', definition, async (ofAnswer) => {
    const rows = concerned.map(({ answer, settled, doubtful }) => ({ ...answer, settled, doubtful }));
    if (rows.length > 0) await store.insert(ofAnswer, rows);
    return openScratchTable(
      store,
      'left',
      `ENGINE = Memory AS SELECT ${key.join(', ')}, ${eventKey} AS event_key, settled, doubtful FROM ${looked} INNER JOIN ${ofAnswer} USING (few, own)`,
    );
  });
}
