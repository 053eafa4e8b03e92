// Sigma's string values: `*` any text, `?` one character, a backslash before either (or before a backslash) makes it plain.
// Specification: https://github.com/SigmaHQ/sigma-specification (2.1, "Escaping")

export type Piece = { readonly text: string } | 'any' | 'one';
export type Pattern = readonly Piece[];

export function parsePattern(value: string): Pattern {
  const pieces: Piece[] = [];
  let text = '';
  const endText = () => {
    if (text !== '') pieces.push({ text });
    text = '';
  };
  for (let i = 0; i < value.length; i++) {
    const c = value[i] ?? '';
    const next = value[i + 1];
    if (c === '\\' && (next === '*' || next === '?' || next === '\\')) {
      text += next;
      i++;
    } else if (c === '*' || c === '?') {
      endText();
      if (c === '?' || pieces.at(-1) !== 'any') pieces.push(c === '*' ? 'any' : 'one');
    } else text += c;
  }
  endText();
  return pieces;
}

/** The text of a pattern without wildcards. */
export function plainText(pattern: Pattern): string | undefined {
  if (pattern.length === 0) return '';
  const [only] = pattern;
  return pattern.length === 1 && typeof only === 'object' ? only.text : undefined;
}

const open = (pattern: Pattern): Pattern => (pattern[0] === 'any' ? pattern : ['any', ...pattern]);
const openEnd = (pattern: Pattern): Pattern => (pattern.at(-1) === 'any' ? pattern : [...pattern, 'any']);

export const anchors = {
  contains: (pattern: Pattern) => openEnd(open(pattern)),
  startswith: openEnd,
  endswith: open,
} as const;
