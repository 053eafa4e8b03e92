// A list of rows in the format asked for: a table on a terminal, tab-separated text in a pipe, JSON, NDJSON, CSV.
import { type Column, renderTable, visible, visibleJson } from './table.ts';

export type Format = 'table' | 'tsv' | 'json' | 'ndjson' | 'csv';

export interface Output {
  write(data: string | Uint8Array): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
}

const WIDTH_DEFAULT = 120;

export async function printRows<R extends object>(
  out: Output,
  format: Format,
  rows: AsyncIterable<R> | Iterable<R>,
  columns: readonly Column<R>[],
): Promise<void> {
  if (format === 'table') {
    const all: R[] = [];
    for await (const row of rows) all.push(row);
    if (all.length > 0) out.write(`${renderTable(all, columns, out.columns ?? WIDTH_DEFAULT)}\n`);
    return;
  }
  let n = 0;
  if (format === 'csv') out.write(`${columns.map((c) => quoteCsv(c.title)).join(',')}\n`);
  for await (const row of rows) {
    if (format === 'json') out.write(`${n === 0 ? '[' : ','}\n${visibleJson(row)}`);
    else if (format === 'ndjson') out.write(`${visibleJson(row)}\n`);
    else if (format === 'csv')
      out.write(`${columns.map((c) => quoteCsv(out.isTTY ? visible(c.value(row)) : c.value(row))).join(',')}\n`);
    else out.write(`${columns.map((c) => visible(c.value(row))).join('\t')}\n`);
    n++;
  }
  if (format === 'json') out.write(n === 0 ? '[]\n' : '\n]\n');
}

function quoteCsv(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
