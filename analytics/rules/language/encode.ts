// Transformations of a rule's text: dashes of command lines, UTF-16, base64.
// Specification: https://github.com/SigmaHQ/sigma-specification (2.1, appendix: modifiers)
import type { Pattern } from './pattern.ts';

/** How a text is written before it is compared: as it is, or in UTF-16 (`utf16`: little endian with its byte order mark). */
export type Coding = 'utf8' | 'utf16le' | 'utf16be' | 'utf16';

const DASHES = ['-', '/', '–', '—', '―'];
/** Each dash multiplies the texts by five: three make 125, as pySigma allows too. */
export const DASHES_MAX = 3;
// a dash that begins a word and ends none: of `-a-b` the first
const DASH = /\B[-/–—―]\b/g;

/** Every way to write the dashes that begin words; undefined when there are too many of them. */
export function dashesOf(pattern: Pattern): Pattern[] | undefined {
  const count = pattern.reduce(
    (sum, piece) => sum + (typeof piece === 'object' ? (piece.text.match(DASH) ?? []).length : 0),
    0,
  );
  if (count > DASHES_MAX) return undefined;
  return Array.from({ length: DASHES.length ** count }, (_, nth) => {
    let left = nth;
    return pattern.map((piece) => {
      if (typeof piece !== 'object') return piece;
      const text = piece.text.replace(DASH, () => {
        const dash = DASHES[left % DASHES.length] ?? '-';
        left = Math.floor(left / DASHES.length);
        return dash;
      });
      return { text };
    });
  });
}

/** The bytes of a text. */
export function bytesOf(text: string, coding: Coding): Buffer {
  if (coding === 'utf8') return Buffer.from(text);
  const little = Buffer.from(text, 'utf16le');
  if (coding === 'utf16le') return little;
  if (coding === 'utf16be') return Buffer.from(little).swap16();
  return Buffer.concat([Buffer.from([0xff, 0xfe]), little]);
}

/** Text in UTF-16 as a field of text holds it: a zero beside each character. Undefined for what is not ASCII: no text holds that. */
export function widened(text: string, coding: Coding): string | undefined {
  if (coding === 'utf8') return text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what it is
  if (!/^[\x00-\x7f]*$/.test(text)) return undefined;
  const characters = [...text].map((c) => (coding === 'utf16be' ? `\0${c}` : `${c}\0`)).join('');
  return coding === 'utf16' ? `\ufeff${characters}` : characters;
}

// The three ways bytes fall into groups of three: how many leading and trailing characters depend on neighbours.
const CUT_START = [0, 2, 3] as const;
const CUT_END = [0, 3, 2] as const;

/** What bytes look like within base64, wherever they begin. */
export function base64Offsets(bytes: Buffer): string[] {
  return CUT_START.map((start, offset) => {
    const text = Buffer.concat([Buffer.alloc(offset, ' '), bytes]).toString('base64');
    return text.slice(start, text.length - (CUT_END[(bytes.length + offset) % 3] ?? 0));
  });
}
