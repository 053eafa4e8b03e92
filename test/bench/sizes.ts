// What a store takes on disk, as ingest left it: by table and by column, indices and marks counted with the table.
import { connect } from '../../analytics/store/connect.ts';

export interface Sizes {
  bytes: number;
  tables: { name: string; bytes: number; rows: number }[];
  columns: { name: string; bytes: number }[];
}

export async function sizesOf(directory: string): Promise<Sizes> {
  const store = await connect(`embedded:${directory}`, 'bench');
  try {
    const tables = await store.rows(
      `SELECT table AS name, sum(bytes_on_disk) AS bytes, sum(rows) AS rows FROM system.parts
       WHERE active AND database = currentDatabase() GROUP BY name ORDER BY bytes DESC`,
    );
    const columns = await store.rows(
      `SELECT table || '.' || column AS name, sum(column_data_compressed_bytes) AS bytes FROM system.parts_columns
       WHERE active AND database = currentDatabase() GROUP BY name ORDER BY bytes DESC LIMIT 12`,
    );
    const named = (row: Record<string, unknown>) => ({ name: String(row['name']), bytes: Number(row['bytes']) });
    return {
      bytes: tables.reduce((sum, row) => sum + Number(row['bytes']), 0),
      tables: tables.map((row) => ({ ...named(row), rows: Number(row['rows']) })),
      columns: columns.map(named),
    };
  } finally {
    await store.close();
  }
}
