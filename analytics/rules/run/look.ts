// Asks every event all questions of all rules (compile/questions.ts) and keeps those that concern a rule, with the rules they do. Columns of few
// values are asked once for each of their combinations. Answers are told apart by a hash that nobody can make two of that are alike.
import { z } from 'zod';
import { openScratchTable, withScratchTable } from '../../store/scratch.ts';
import { type Store, sqlString } from '../../store/store.ts';
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

/** By an answer the places of rules that it settles, and the numbers of what it leaves to test. */
export interface Concerned {
  answer: Answer;
  settled: readonly number[];
  doubtful: readonly number[];
}

interface Asked {
  inquiry: Inquiry;
  /** Records that hold none of these (places among the words looked for) may be taken for those that hold none at all. */
  words: readonly number[] | undefined;
  /** SQL over columns of few values: words of events for which it does not hold may be taken for none, too. */
  having: string | undefined;
  within: string;
}

/** A table with the events' key, event_key, settled and doubtful. */
export async function look(
  store: Store,
  events: Events,
  asked: Asked,
  concern: (answered: readonly Answered[]) => readonly Concerned[],
): Promise<{ table: string; events: number; drop(): Promise<void> }> {
  const { inquiry } = asked;
  const work = (words: string | undefined) =>
    // on disk: there is a row for every event
    withScratchTable(store, 'looked', lookSql(events, asked, words), async (looked) => {
      const concerned = concern(await readAnswered(store, looked, events, inquiry));
      return keep(store, looked, events, concerned);
    });
  if (!inquiry.ofBytes.isAny()) return work(undefined);
  return withScratchTable(store, 'words', wordsSql(events, asked), work);
}

// A record's time is its event's, but for those that were clamped (schema of records). Both are put together by serial: of two events with the same, at another boot, both may hold what one does.
const wordsSql = ({ table, alias }: Events, { inquiry, words, having, within }: Asked) => `ENGINE = Memory AS
SELECT cluster AS b_cluster, node AS b_node, serial AS b_serial, groupUniqArrayArray(found)::Array(UInt16) AS b_words
FROM
(
    SELECT cluster, node, toUInt64OrZero(splitByChar(':', event_key)[-1]) AS serial, ${inquiry.ofBytes.columns()}[1] AS found
    FROM (SELECT *, event_time AS time FROM records_all WHERE source = 'auditd')
    WHERE ${having === undefined ? '1' : `serial IN (SELECT ${alias}.serial FROM ${table} AS ${alias} WHERE ${having})`} AND (${within} OR time NOT BETWEEN '2015-01-02' AND '2099-12-30') AND ${words === undefined ? 'notEmpty(found)' : `hasAny(found, [${words.join(', ')}]::Array(UInt16))`}
)
GROUP BY b_cluster, b_node, b_serial`;

// as a number that nobody can make two values of; of a column of few values the engine makes it once for each
const hash = (sql: string) => `CAST(reinterpretAsUInt128(sipHash128(${sql})), 'UInt128')`;
const ofFewValues = (sql: string) => `toLowCardinality(toString(${sql}))`;

function lookSql(events: Events, { inquiry, within }: Asked, words: string | undefined): string {
  const { key, from, alias } = events;
  const few = fewOf(events, inquiry.ofFew).map((name) => `${alias}.${name}`);
  const columns = [
    ...key.map((name) => `${alias}.${name} AS ${name}`),
    `${few.length === 0 ? "''" : `tuple(${few.join(', ')})`} AS few_columns`,
    `${inquiry.ofOthers.columns()} AS others`,
  ];
  const asked = `SELECT ${columns.join(', ')} FROM ${from(within)}`;
  const answered =
    words === undefined
      ? `SELECT *, others AS answers FROM (${asked})`
      : `SELECT *, arrayPushBack(others, b_words) AS answers FROM (${asked}) AS l LEFT ANY JOIN ${words} AS b
         ON b_cluster = cluster AND b_node = node AND b_serial = serial`;
  return `ENGINE = MergeTree ORDER BY tuple() AS
WITH ${inquiry.with()}
SELECT ${key.join(', ')}, ${ofFewValues('few_columns')} AS few, ${ofFewValues('answers')} AS own
FROM (${answered})
SETTINGS query_plan_join_swap_table = 'false'`;
}

/** Of the columns of few values those that are asked. */
function fewOf({ few }: Events, questions: Questions): string[] {
  const sql = questions.columns();
  return few.filter((name) => new RegExp(`\\b${name}\\b`).test(sql));
}

/** Of each combination of columns of few values what it answers. */
async function readFew(store: Store, looked: string, events: Events, { ofFew, with: texts }: Inquiry) {
  const { alias, from } = events;
  const names = fewOf(events, ofFew);
  const typed = names.length === 0 ? [] : await store.rows(`DESCRIBE (SELECT ${names.join(', ')} FROM ${from('0')})`);
  const type = `Tuple(${typed.map((column) => String(column['type'])).join(', ')})`;
  const columns = names.map((name, i) => `CAST(few, ${sqlString(type)}).${i + 1} AS ${name}`);
  const each = `SELECT ${[`toString(${hash('few')}) AS id`, ...columns].join(', ')} FROM (SELECT DISTINCT few FROM ${looked})`;
  const sql = `WITH ${texts()} SELECT ${alias}.id AS id, ${ofFew.columns()} AS answers FROM (${each}) AS ${alias}`;
  const answers = new Map<string, readonly number[]>();
  for await (const row of store.stream(sql)) {
    const { id, answers: found } = FewRow.parse(row);
    answers.set(id, ofFew.numbersOf(found));
  }
  return answers;
}

const Answers = z.array(z.array(z.coerce.number()));
const FewRow = z.object({ id: z.string(), answers: Answers });
const AnsweredRow = z.object({ few: z.string(), own: z.string(), answers: z.string(), events: z.coerce.number() });

async function readAnswered(store: Store, looked: string, events: Events, inquiry: Inquiry): Promise<Answered[]> {
  const ofFew = await readFew(store, looked, events, inquiry);
  const ofOwn = new Map<string, readonly number[]>();
  // the last are words, where any were looked for
  const numbersOf = (answers: number[][]) => [
    ...inquiry.ofOthers.numbersOf(answers),
    ...inquiry.ofBytes.numbersOf(inquiry.ofBytes.isAny() ? answers.slice(-1) : []),
  ];
  const answered: Answered[] = [];
  const sql = `SELECT toString(${hash('few_columns')}) AS few, toString(${hash('answers')}) AS own, toString(answers) AS answers, events
    FROM (SELECT few AS few_columns, own AS answers, count() AS events FROM ${looked} GROUP BY few, own)`;
  for await (const row of store.stream(sql)) {
    const { few, own, answers, events: count } = AnsweredRow.parse(row);
    const numbers = ofOwn.get(own) ?? numbersOf(Answers.parse(JSON.parse(answers)));
    ofOwn.set(own, numbers);
    answered.push({ answer: { few, own }, numbers: [...(ofFew.get(few) ?? []), ...numbers], events: count });
  }
  return answered;
}

function keep(store: Store, looked: string, { key, eventKey }: Events, concerned: readonly Concerned[]) {
  const definition = '(few UInt128, own UInt128, settled Array(UInt16), doubtful Array(UInt32)) ENGINE = Memory';
  return withScratchTable(store, 'concerned', definition, async (ofAnswer) => {
    const rows = concerned.map(({ answer, settled, doubtful }) => ({ ...answer, settled, doubtful }));
    if (rows.length > 0) await store.insert(ofAnswer, rows);
    const numbered = `SELECT * REPLACE (${hash('few')} AS few, ${hash('own')} AS own) FROM ${looked}`;
    const left = await openScratchTable(
      store,
      'left',
      `ENGINE = Memory AS SELECT ${key.join(', ')}, ${eventKey} AS event_key, settled, doubtful FROM (${numbered}) AS l INNER JOIN ${ofAnswer} USING (few, own)`,
    );
    const [counted] = await store.rows(`SELECT count() AS events FROM ${left.table}`);
    return { ...left, events: Number(counted?.['events'] ?? 0) };
  });
}
