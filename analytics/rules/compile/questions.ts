// Questions that rules ask of an event (outline.ts), as columns of a SELECT: all texts that are looked for in one field are looked for in one
// pass (Hyperscan), whose cost hardly grows with their number; tests that are no look for a text stand once, whatever rules ask them.
// What is asked of columns of few values is apart, for whoever asks it once of each value.
import { sqlString } from '../../store/store.ts';
import { anyOf, type Field } from './compile.ts';
import type { Ask } from './outline.ts';

type Answers = readonly (readonly number[])[];

/** Asked of the same columns. */
export interface Questions {
  /** SQL over the columns of an event, Array(Array(UInt16)): what `numbersOf` reads. */
  columns(): string;
  /** Numbers of the questions that are answered with yes. */
  numbersOf(answers: Answers): number[];
  /** SQL of one question by itself; undefined of others' questions. */
  sqlOf(question: number): string | undefined;
}

export interface Inquiry {
  readonly ask: Ask;
  /** What columns() need after WITH. */
  with(): string;
  readonly ofFew: Questions;
  readonly ofOthers: Questions;
  /** Of the bytes of records: columns() over `raw`. */
  readonly ofBytes: Questions & { isAny(): boolean; placeOf(question: number): number | undefined };
}

export function createInquiry(): Inquiry {
  let count = 0;
  const next = () => count++;
  // One list for all fields: the engine keeps what it has made ready by a number that two lists may share, and would make both ready for each block.
  const texts = createList();
  const words = createList();
  const few = createQuestions(texts, next);
  const others = createQuestions(texts, next);
  const ofWords = new Map<number, number>();
  const sideOf = (isFew: boolean | undefined) => (isFew ? few : others);
  return {
    ask: {
      text: (field, text) => sideOf(field.few).text(field, text),
      zero: (field) => sideOf(field.few).test(anyOf(field, (v) => `position(${v}, '\\0') > 0`)),
      inBytes: (text) => numberIn(ofWords, words.placeOf(text), next),
      test: (sql, isFew) => sideOf(isFew).test(sql),
    },
    with: () => `${listOf(texts.items())} AS texts`,
    ofFew: few,
    ofOthers: others,
    ofBytes: {
      isAny: () => ofWords.size > 0,
      columns: () => `[multiMatchAllIndices(lowerUTF8(raw), ${listOf(words.items())})]::Array(Array(UInt16))`,
      numbersOf: ([found = []]) => numbersOf(ofWords, found),
      placeOf: (question) => placeIn(ofWords, question),
      sqlOf: () => undefined,
    },
  };
}

function createQuestions(texts: List, next: () => number) {
  const tests = createList();
  const ofTests = new Map<number, number>();
  /** Of each field its numbers by the text's place in the list. */
  const haystacks = new Map<string, Map<number, number>>();
  return {
    text: (field: Field, text: string) => {
      const haystack = framed(field);
      const numbers = haystacks.get(haystack) ?? new Map<number, number>();
      haystacks.set(haystack, numbers);
      return numberIn(numbers, texts.placeOf(text), next);
    },
    test: (sql: string) => numberIn(ofTests, tests.placeOf(sql), next),
    columns: () => {
      const passed = tests.items().map((sql, i) => `if(${sql}, ${i + 1}, 0)`);
      const found = [...haystacks.keys()].map((haystack) => `multiMatchAllIndices(${haystack}, texts)`);
      found.push(passed.length === 0 ? '[]' : `arrayFilter(n -> n > 0, [${passed.join(', ')}])`);
      return `[${found.join(', ')}]::Array(Array(UInt16))`;
    },
    numbersOf: (answers: Answers) =>
      [...haystacks.values(), ofTests].flatMap((numbers, i) => numbersOf(numbers, answers[i] ?? [])),
    sqlOf: (question: number) => {
      const test = tests.items()[(placeIn(ofTests, question) ?? 0) - 1];
      if (test !== undefined) return test;
      for (const [haystack, numbers] of haystacks) {
        const text = texts.items()[(placeIn(numbers, question) ?? 0) - 1];
        if (text !== undefined) return `position(${haystack}, ${sqlString(text)}) > 0`;
      }
      return undefined;
    },
  };
}

function numberIn(numbers: Map<number, number>, place: number, next: () => number): number {
  const number = numbers.get(place) ?? next();
  numbers.set(place, number);
  return number;
}

const placeIn = (numbers: ReadonlyMap<number, number>, question: number): number | undefined =>
  [...numbers].find(([, number]) => number === question)?.[0];

/** A list holds also what is asked of another field. */
const numbersOf = (numbers: ReadonlyMap<number, number>, places: readonly number[]): number[] =>
  places.map((place) => numbers.get(place)).filter((number) => number !== undefined);

type List = ReturnType<typeof createList>;

/** Places are counted from 1, as the engine does. */
function createList() {
  const places = new Map<string, number>();
  return {
    placeOf: (item: string) => {
      const place = places.get(item) ?? places.size + 1;
      places.set(item, place);
      return place;
    },
    items: () => [...places.keys()],
  };
}

const listOf = (texts: readonly string[]) => `[${texts.map(asPattern).join(', ')}]::Array(String)`;

/** All that a field holds, in lower case, a zero byte at both ends of each value. */
const framed = ({ sql, many }: Field) =>
  `lowerUTF8(concat('\\0', ${many ? `arrayStringConcat(${sql}, '\\0')` : sql}, '\\0'))`;

// Hyperscan's own signs are all ASCII.
const asPattern = (text: string) =>
  sqlString(
    text.replace(/[^A-Za-z0-9_ /\u0080-\uffff]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`),
  );
