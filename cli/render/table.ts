// Tables for people: columns aligned, cut to the terminal's width, control characters of records made visible.

export interface Column<R> {
  title: string;
  value: (row: R) => string;
  /** Cut this column first when the terminal is narrow; it keeps at least 12 characters. */
  flexible?: boolean;
}

const GAP = '  ';
const FLEXIBLE_WIDTH_MIN = 12;

export function renderTable<R>(rows: readonly R[], columns: readonly Column<R>[], width: number): string {
  const cells = rows.map((row) => columns.map((column) => visible(column.value(row))));
  const natural = columns.map((column, i) =>
    Math.max(column.title.length, ...cells.map((line) => [...(line[i] ?? '')].length)),
  );
  const widths = shrink(natural, columns, width);
  const line = (texts: readonly string[]) =>
    texts
      .map((text, i) => cut(text, widths[i] ?? 0).padEnd(widths[i] ?? 0))
      .join(GAP)
      .trimEnd();
  return [line(columns.map((c) => c.title)), ...cells.map(line)].join('\n');
}

function shrink<R>(natural: readonly number[], columns: readonly Column<R>[], width: number): number[] {
  const over = natural.reduce((a, b) => a + b + GAP.length, -GAP.length) - width;
  if (over <= 0) return [...natural];
  const room = natural.map((n, i) => (columns[i]?.flexible ? Math.max(0, n - FLEXIBLE_WIDTH_MIN) : 0));
  const total = room.reduce((a, b) => a + b, 0);
  const take = Math.min(over, total);
  return natural.map((n, i) => n - (total === 0 ? 0 : Math.ceil(((room[i] ?? 0) * take) / total)));
}

function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

/** Text of a record must not steer the terminal: control characters become their escapes. */
export function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the terminal
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (c) =>
    c === '\t' ? ' ' : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
