// What a store holds, as figures that two stores can be compared by: how often, when and by whom records were loaded is left out.
import { connect } from '../../analytics/store/connect.ts';

const delivery = 'loader, seq';
const tables: Readonly<Record<string, string>> = {
  records: `${delivery}, received_at, stream, position, collector`,
  k8s_audit: delivery,
  auditd: delivery,
  runtime: delivery,
  dead_letters: 'received_at, stream, position',
};

export interface TableContent {
  rows: number;
  hash: string;
}

/** Rows and a hash over their sorted content, by table. The engine holds one directory a process: others are closed first. */
export async function contentOf(
  directory: string,
  alsoLeftOut: readonly string[] = [],
): Promise<Record<string, TableContent>> {
  const store = await connect(`embedded:${directory}`, 'test');
  try {
    const content: Record<string, TableContent> = {};
    for (const [table, leftOut] of Object.entries(tables)) {
      const columns = (
        await store.rows(
          'SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String}',
          { table },
        )
      ).map((c) => String(c['name']));
      const more = alsoLeftOut.filter((c) => columns.includes(c));
      const except = [leftOut, ...more].join(', ');
      const [row] = await store.rows(
        `SELECT count() AS rows, lower(hex(SHA256(arrayStringConcat(arraySort(groupArray(h)))))) AS hash
         FROM (SELECT toString(sipHash128(* EXCEPT (${except}))) AS h FROM ${table} FINAL)`,
      );
      content[table] = { rows: Number(row?.['rows']), hash: String(row?.['hash']) };
    }
    return content;
  } finally {
    await store.close();
  }
}

/** Rows of one table, as they lie there. */
export async function rowsOf(directory: string, table: 'staged'): Promise<number> {
  const store = await connect(`embedded:${directory}`, 'test');
  try {
    const [row] = await store.rows(`SELECT count() AS n FROM ${table}`);
    return Number(row?.['n']);
  } finally {
    await store.close();
  }
}
