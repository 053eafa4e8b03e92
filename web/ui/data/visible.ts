// Text of records as it can be shown safely: control characters get a picture, and the invisible marks that turn the
// direction of writing around (and make `gpj.exe` of an `exe.jpg`) get their number.

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u0008\u000b-\u001f\u007f]/g;
const direction = /[\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;
const PICTURES = 0x2400;

export function visible(text: string): string {
  return text
    .replace(control, (c) => (c === '\u007f' ? '\u2421' : String.fromCharCode(PICTURES + c.charCodeAt(0))))
    .replace(direction, (c) => `[U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}]`);
}

/** The same on one line; zeros that only fill a field go. */
export function visibleLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return visible(text.replace(/\u0000+$/, '').replace(/[\n\t]+/g, ' '));
}
