// Text of records in Markdown. It was written by whoever is investigated: it stands in code spans only, where no markup
// works, with everything that could end the span, break the line or turn the reading direction made visible.

/** One code span that shows exactly this text. */
export function code(text: string): string {
  if (text === '') return '(empty)';
  const shown = legible(text);
  const longestRun = Math.max(0, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longestRun + 1);
  // a renderer takes one space off each end; of a text of spaces alone it takes none
  const pad = /^[` ]|[` ]$/.test(shown) && shown.trim() !== '' ? ' ' : '';
  return `${fence}${pad}${shown}${pad}${fence}`;
}

// Controls, line and paragraph separators, marks of direction, invisible characters, halves of surrogate pairs.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be written out
const ILLEGIBLE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\p{Cs}/gu;

function legible(text: string): string {
  return text.replace(ILLEGIBLE, (c) => {
    const value = c.charCodeAt(0);
    return value < 256 ? `\\x${value.toString(16).padStart(2, '0')}` : `\\u{${value.toString(16)}}`;
  });
}
