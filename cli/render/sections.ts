// Parts of a page for people: a heading with its count, and no more lines than a terminal can show at a glance.

// The JSON has all.
const LINES_MAX = 30;

/** Adds a section, or nothing where there is nothing. */
export function section<T>(lines: string[], title: string, rows: readonly T[], text: (row: T) => string): void {
  if (rows.length > 0) lines.push('', `${title} (${rows.length})`, ...bounded(rows.map((row) => `  ${text(row)}`)));
}

function bounded(lines: readonly string[]): string[] {
  const left = lines.length - LINES_MAX;
  return left <= 0 ? [...lines] : [...lines.slice(0, LINES_MAX), `  ... ${left} more (--json has all)`];
}

/** A line `name: value` of a page's head, its value in a column; nothing for an empty value. */
export function fact(name: string, value: string): string[] {
  return value === '' ? [] : [`${`${name}:`.padEnd(13)}${value}`];
}
