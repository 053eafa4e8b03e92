// Findings judged by what users and entities say of them: suppressed or shown, raised by what they touch, lowered by maintenance.
// One SELECT for findings on their way in (rules/run/findings.ts) and for those that are there when an exception comes or goes.
import { withScratchTable } from '../store/scratch.ts';
import type { Store } from '../store/store.ts';
import { sqlString } from '../store/store.ts';
import { type Exception, type ExceptionKind, readExceptions } from './exceptions.ts';
import { conditionOf, fromFindings } from './finding-fields.ts';
import judgeSql from './judge.sql';

/** Values of labels of sensitivity that raise findings, when a user says nothing else: of common schemes the upper part. */
export const SENSITIVE_VALUES: readonly string[] = [
  ...['high', 'very-high', 'critical', 'restricted', 'confidential', 'strictly-confidential', 'secret', 'top-secret'],
  ...['sensitive', 'highly-sensitive', 'regulated', 'pci', 'pii', 'phi'],
];

export async function tellSensitiveValues(store: Store, values: readonly string[], version: number): Promise<void> {
  const told = values.map((value) => value.toLowerCase());
  await store.insert('sensitive_values', [{ job: 'correlate', values: told, version }]);
}

/** Judges the rows of a table like findings and writes them to findings. */
export function insertJudged(store: Store, table: string): Promise<void> {
  return judge(store, table, '');
}

const CHANGED = `WHERE (severity, severity_reason, workload_kind, workload_name, suppressed_by)
  != (new_severity, new_severity_reason, new_workload_kind, new_workload_name, new_suppressed_by)`;

/** Judges all findings again and writes those that come out differently, under the version they have: of two the later is read. */
export function judgeAgain(store: Store): Promise<void> {
  return judge(store, '(SELECT * FROM findings FINAL)', CHANGED);
}

const NAMED = '(cluster LowCardinality(String), id String, name String) ENGINE = MergeTree ORDER BY (cluster, id)';

async function judge(store: Store, findings: string, only: string): Promise<void> {
  const exceptions = await readExceptions(store);
  const [told] = await store.rows('SELECT values FROM sensitive_values FINAL', {}, 'background');
  await withScratchTable(store, 'hidden', NAMED, (hidden) =>
    withScratchTable(store, 'calm', NAMED, async (calm) => {
      const tables: Record<ExceptionKind, string> = { suppression: hidden, maintenance: calm };
      for (const kind of ['suppression', 'maintenance'] as const) {
        for (const sql of speakOf(exceptions.filter((one) => one.kind === kind), findings))
          await store.run(`INSERT INTO ${tables[kind]} ${sql}`, {}, 'background');
      }
      const select = Object.entries({ findings, hidden, calm, only }).reduce(
        (sql, [name, value]) => sql.replaceAll(`{${name}}`, () => value),
        judgeSql,
      );
      const sensitive = told?.['values'] ?? SENSITIVE_VALUES;
      await store.run(`INSERT INTO findings ${select} ${SETTINGS}`, { sensitive }, 'background');
    }),
  );
}

// A column and what is made of it share a name.
const SETTINGS = 'SETTINGS prefer_column_name_to_alias = 1, join_use_nulls = 0';

// The engine's parser reads 256 KiB of a query by default; joins and the rest take some of it.
const CONDITIONS_BYTES_MAX = 150_000;

/** SELECTs of cluster, id and name of each exception that speaks of a finding. */
function* speakOf(exceptions: readonly Exception[], findings: string): Iterable<string> {
  let conditions: string[] = [];
  let joins: string[] = [];
  let bytes = 0;
  const select = () => `
    SELECT cluster, id, arrayJoin(names) AS name
    FROM
    (
      SELECT f.cluster AS cluster, f.id AS id, arrayFilter(n -> n != '', [${conditions.join(',\n')}]) AS names
      FROM ${fromFindings(findings, joins)}
    )
    ${SETTINGS}`;
  for (const one of exceptions) {
    const { sql, joins: asked } = conditionOf(one);
    const holds = `f.time >= fromUnixTimestamp64Milli(${one.validFrom}) AND f.time < fromUnixTimestamp64Milli(${one.validUntil})`;
    const condition = `if(${holds} AND ${sql}, ${sqlString(one.name)}, '')`;
    if (conditions.length > 0 && bytes + condition.length > CONDITIONS_BYTES_MAX) {
      yield select();
      [conditions, joins, bytes] = [[], [], 0];
    }
    conditions.push(condition);
    joins.push(...asked);
    bytes += condition.length;
  }
  if (conditions.length > 0) yield select();
}
