// The plain sentence of a finding: a rule's text with values filled in. [Parts] whose value is not known are left out;
// a value not known elsewhere is said to be unknown.

const VALUE_CHARACTERS_MAX = 240;

export function renderSentence(template: string, words: Readonly<Record<string, string>>): string {
  const whole = template.replace(/\[([^[\]]*)\]/g, (_, part: string) => {
    const names = [...part.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
    return names.every((name) => (words[name] ?? '') !== '') ? part : '';
  });
  // what is left out may leave blanks behind; values stay as they are: a program is run as ./x
  const tidy = whole
    .replace(/ {2,}/g, ' ')
    .replace(/ ([.,;:])/g, '$1')
    .trim();
  return tidy.replace(/\{(\w+)\}/g, (_, name: string) => shorten(words[name] ?? '') || `an unknown ${name}`);
}

function shorten(value: string): string {
  const line = value.replace(/\s+/g, ' ').trim();
  const characters = [...line];
  return characters.length <= VALUE_CHARACTERS_MAX
    ? line
    : `${characters.slice(0, VALUE_CHARACTERS_MAX - 1).join('')}…`;
}
