// Findings judged by what users and entities say of them: suppressed or shown, raised by what they touch, lowered by maintenance.
// One SELECT for findings on their way in (rules/run/findings.ts) and for those that are there when an exception comes or goes.
import { withScratchTable } from '../store/scratch.ts';
import type { Store } from '../store/store.ts';
import { sqlString } from '../store/store.ts';
import { SENSITIVE_VALUES } from './context.ts';
import { type Exception, type ExceptionKind, readExceptions } from './exceptions.ts';
import { conditionOf, fromFindings } from './finding-fields.ts';
import judgeSql from './judge.sql';

/** Judges the rows of a table like findings and writes them to findings. */
export function insertJudged(store: Store, table: string): Promise<void> {
  return judge(store, table, '1');
}

/** Judges all findings again and writes those that come out differently, under the version they have: of two the later is read. */
export function judgeAgain(store: Store): Promise<void> {
  return judge(store, '(SELECT * FROM findings FINAL)', '0');
}

const NAMED = '(cluster LowCardinality(String), id String, name String) ENGINE = MergeTree ORDER BY (cluster, id)';

async function judge(store: Store, findings: string, whole: '0' | '1'): Promise<void> {
  const exceptions = await readExceptions(store);
  const [told] = await store.rows('SELECT values FROM sensitive_values FINAL', {}, 'background');
  await withScratchTable(store, 'hidden', NAMED, (hidden) =>
    withScratchTable(store, 'calm', NAMED, async (calm) => {
      const tables: Record<ExceptionKind, string> = { suppression: hidden, maintenance: calm };
      for (const kind of ['suppression', 'maintenance'] as const) {
        for (const sql of speakOf(
          exceptions.filter((one) => one.kind === kind),
          findings,
        ))
          await store.run(`INSERT INTO ${tables[kind]} ${sql}`, {}, 'background');
      }
      const select = Object.entries({ findings, hidden, calm, whole }).reduce(
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
