// Questions that rules ask of an event (outline.ts), as columns of one SELECT: all texts that are looked for in one field are looked for in one
// pass (Hyperscan), whose cost hardly grows with their number; tests that are no look for a text stand once, whatever rules ask them.
import { sqlString } from '../../store/store.ts';
import { anyOf, type Field } from './compile.ts';
import type { Ask } from './outline.ts';

export interface Questions {
  readonly ask: Ask;
  /** How many there are; their numbers are below it. */
  count(): number;
  /** SQL, Array(Array(UInt16)), over the columns of an event and `in_bytes` where `bytes` is there: what `numbersOf` reads. */
  columns(): string;
  /** SQL over `raw`, for the places of the texts that a record holds; where any is looked for in bytes. */
  bytes(): string | undefined;
  /** Numbers of the questions that are answered with yes. */
  numbersOf(answers: readonly (readonly number[])[]): number[];
}

/** Asked in one place: the number of each by what is asked. */
type Asked = Map<string, number>;

export function createQuestions(): Questions {
  const haystacks = new Map<string, Asked>();
  const tests: Asked = new Map();
  const inBytes: Asked = new Map();
  let next = 0;
  const numberIn = (asked: Asked, what: string) => {
    const number = asked.get(what) ?? next++;
    asked.set(what, number);
    return number;
  };
  const textsOf = (haystack: string) => {
    const texts = haystacks.get(haystack) ?? new Map();
    haystacks.set(haystack, texts);
    return texts;
  };
  const ask: Ask = {
    text: (field, text) => numberIn(textsOf(framed(field)), text),
    zero: (field) =>
      numberIn(
        tests,
        anyOf(field, (v) => `position(${v}, '\\0') > 0`),
      ),
    inBytes: (text) => numberIn(inBytes, text),
    test: (sql) => numberIn(tests, sql),
  };
  const all = () => [...haystacks.values(), tests, inBytes].map((asked) => [...asked.values()]);
  return {
    ask,
    count: () => next,
    columns: () => {
      const found = [...haystacks].map(([sql, texts]) => search(sql, texts));
      const passed = [...tests.keys()].map((sql, i) => `if(${sql}, ${i + 1}, 0)`);
      const rest = [
        passed.length === 0 ? '[]' : `arrayFilter(n -> n > 0, [${passed.join(', ')}])`,
        inBytes.size === 0 ? '[]' : 'in_bytes',
      ];
      return `[${[...found, ...rest].join(', ')}]::Array(Array(UInt16))`;
    },
    bytes: () => (inBytes.size === 0 ? undefined : search('lowerUTF8(raw)', inBytes)),
    numbersOf: (answers) => all().flatMap((numbers, i) => (answers[i] ?? []).map((n) => numbers[n - 1] ?? 0)),
  };
}

const search = (haystack: string, texts: Asked) =>
  `multiMatchAllIndices(${haystack}, [${[...texts.keys()].map(asPattern).join(', ')}])`;

/** All that a field holds, in lower case, a zero byte at both ends of each value. */
const framed = ({ sql, many }: Field) =>
  `lowerUTF8(concat('\\0', ${many ? `arrayStringConcat(${sql}, '\\0')` : sql}, '\\0'))`;

// Hyperscan's own signs are all ASCII.
const asPattern = (text: string) =>
  sqlString(
    text.replace(/[^A-Za-z0-9_ /\u0080-\uffff]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`),
  );
