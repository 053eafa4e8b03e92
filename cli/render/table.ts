// Tables for people: columns aligned, cut to the terminal's width, control characters of records made visible.
import { cutToWidth, displayWidth } from './width.ts';

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
    Math.max(displayWidth(column.title), ...cells.map((line) => displayWidth(line[i] ?? ''))),
  );
  const widths = shrink(natural, columns, width);
  const line = (texts: readonly string[]) =>
    texts
      .map((text, i) => padded(cutToWidth(text, widths[i] ?? 0), widths[i] ?? 0))
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

const padded = (text: string, width: number) => text + ' '.repeat(Math.max(0, width - displayWidth(text)));

/** Text of a record must not steer the terminal: control characters, and marks that turn the direction of text, become their escapes. */
export function visible(text: string): string {
  return text.replace(STEERING, (c) => {
    const code = c.charCodeAt(0);
    if (c === '\t') return ' ';
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

/** JSON on one or more lines that is safe to show: JSON itself escapes only what is below a space. */
export function visibleJson(value: unknown, indent?: number): string {
  return visibleLines(JSON.stringify(value, null, indent));
}

/** Lines of JSON, each escaped as visibleJson does. */
export function visibleLines(lines: string): string {
  return lines.replace(STEERING_BUT_LAYOUT, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

// C0, DEL, C1 (a terminal in UTF-8 takes U+009B for ESC [), directional marks, line and paragraph separator.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the terminal
const STEERING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const STEERING_BUT_LAYOUT = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
