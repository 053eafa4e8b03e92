// What the bytes of JSON hold where a value in it holds a text. A letter stands for itself in a string of JSON unless it is written as \u and
// four digits; a value that is an object is written anew by the engine, which changes spaces, numbers and escapes but no word.
const WORD = /[a-z_]{4,}/g; // longer than what an escape (\n) or a number (1e5) may put beside letters

/** Of each text a word that it holds, undefined where one has none. @param texts in lower case */
export function wordsInJson(texts: readonly string[]): string[] | undefined {
  const words = texts.map((text) => (NOT_ASCII.test(text) ? text : longest(text.match(WORD) ?? [])));
  return words.every((word) => word !== undefined) ? [...new Set(words)] : undefined;
}

/** Whether letters may be written otherwise (SQL). */
export const isEscaped = (json: string): string => `position(${json}, '\\\\u') > 0`;

/** Keys of JSON that must be there for a path to lead anywhere (SQL); undefined where the bytes tell nothing. */
export function holdsKeys(json: string, keys: readonly string[]): string | undefined {
  const plain = keys.filter((key) => /^[\w.-]+$/.test(key));
  if (plain.length === 0) return undefined;
  const all = plain.map((key) => `position(${json}, '"${key}"') > 0`).join(' AND ');
  return `(${all} OR ${isEscaped(json)})`;
}

const NOT_ASCII = /^[^\0-\x7f]+$/;

const longest = (words: readonly string[]): string | undefined =>
  words.reduce<string | undefined>((a, b) => (a === undefined || b.length > a.length ? b : a), undefined);
