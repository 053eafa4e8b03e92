// Which events rules must be tested on: those of minutes of which they see something else than when they were last tested. A record that came
// late, a parent that is known now, a list that says more: whatever it was, the minute's number differs (seen.ts), and nobody has to know why.
import { z } from 'zod';
import { withScratchTable } from '../../store/scratch.ts';
import { type Store, sqlString } from '../../store/store.ts';
import type { Source } from '../sources/source.ts';
import { fillSeen, SEEN } from './seen.ts';

/** Events, and what is stored of them. */
export interface Extent {
  /** SQL over cluster, node and time of a typed row; 1 for all. */
  readonly within: string;
  /** SQL over columns of rule_hits, for the same events, also those that are no more. */
  readonly stored: string;
}

export const EVERYTHING: Extent = { within: '1', stored: '1' };

export interface Scope {
  /** Undefined: nothing changed. */
  extentOf(layer: Source['layer']): Extent | undefined;
  /** Rules were tested on all of it. */
  done(version: number): Promise<void>;
}

/** Minutes further apart are two ranges of time, each read by itself; so many ranges a statement can have without being long to prepare. */
const APART_MS = 600_000;
const RANGES_MAX = 64;
/** Of more than half of all minutes the rest is read with them: to ask for each costs more. */
const MOST = 0.5;

const TOUCHED = `(layer LowCardinality(String), cluster LowCardinality(String), node LowCardinality(String), minute DateTime('UTC'),
  content UInt64, is_there UInt8, first_ms Int64, last_ms Int64) ENGINE = Memory`;

/** Compares what rules see now with what they saw; `work` is given what differs. */
export function withScope<T>(store: Store, work: (scope: Scope) => Promise<T>): Promise<T> {
  return withScratchTable(store, 'seen', SEEN, (seen) =>
    withScratchTable(store, 'touched', TOUCHED, async (touched) => {
      await fillSeen(store, seen);
      await store.run(COMPARE(seen, touched), {}, 'background');
      const extents = await extentsOf(store, seen, touched);
      return work({
        extentOf: (layer) => extents.get(layer),
        done: (version) =>
          store.run(
            `INSERT INTO tested_minutes SELECT layer, cluster, node, minute, content, {version:UInt64}, NOT is_there FROM ${touched}`,
            { version },
            'background',
          ),
      });
    }),
  );
}

const COMPARE = (seen: string, touched: string) => `
INSERT INTO ${touched}
SELECT layer, cluster, node, minute, sumIf(content, is_seen), max(is_seen), minIf(first_ms, is_seen), maxIf(last_ms, is_seen)
FROM
(
    SELECT layer, cluster, node, minute, sum(content) AS content, 1 AS is_seen, min(s.first_ms) AS first_ms, max(s.last_ms) AS last_ms
    FROM ${seen} AS s GROUP BY layer, cluster, node, minute
    UNION ALL
    SELECT layer, cluster, node, minute, content, 0, 0, 0 FROM tested_minutes FINAL
)
GROUP BY layer, cluster, node, minute
HAVING count() = 1 OR uniqExact(content) = 2
SETTINGS prefer_column_name_to_alias = 1`;

const row = z.object({
  layer: z.enum(['k8s-audit', 'auditd', 'runtime']),
  cluster: z.string(),
  node: z.string(),
  is_there: z.coerce.boolean(),
  first: z.coerce.number(),
  last: z.coerce.number(),
});
type Minute = z.infer<typeof row>;

async function extentsOf(store: Store, seen: string, touched: string): Promise<Map<Source['layer'], Extent>> {
  const minutes = z
    .array(row)
    .parse(
      await store.rows(
        `SELECT layer, cluster, node, is_there, first_ms AS first, last_ms AS last FROM ${touched} ORDER BY layer, cluster, node, first`,
        {},
        'background',
      ),
    );
  const all = await store.rows(
    `SELECT layer, uniqExact(cluster, node, minute) AS minutes FROM ${seen} GROUP BY layer`,
    {},
    'background',
  );
  const extents = new Map<Source['layer'], Extent>();
  for (const layer of ['k8s-audit', 'auditd', 'runtime'] as const) {
    const mine = minutes.filter((minute) => minute.layer === layer);
    const there = mine.filter((minute) => minute.is_there);
    const of = Number(all.find((one) => one['layer'] === layer)?.['minutes'] ?? 0);
    const some = `SELECT cluster, node, minute FROM ${touched} WHERE layer = '${layer}'`;
    const gone = `layer = '${layer}' AND (cluster, node, minute) IN (${some})`;
    if (mine.length === 0) continue;
    // what is no more has no events to be tested, but may have hits
    if (there.length === 0) extents.set(layer, { within: '0', stored: gone });
    else if (there.length > of * MOST) extents.set(layer, EVERYTHING);
    else extents.set(layer, { within: withinOf(layer, there, touched), stored: gone });
  }
  return extents;
}

function withinOf(layer: Source['layer'], minutes: readonly Minute[], touched: string): string {
  // a request is of no node, whatever node its row names elsewhere
  const [names, values] =
    layer === 'k8s-audit' ? ['cluster, minute', 'cluster'] : ['cluster, node, minute', 'cluster, node'];
  return `(${rangesOf(layer, minutes).join(' OR ')})
    AND (${values}, toStartOfMinute(time)) IN (SELECT ${names} FROM ${touched} WHERE layer = '${layer}')`;
}

/** Conditions that primary keys serve: minutes close together are one range. */
function rangesOf(layer: Source['layer'], minutes: readonly Minute[]): string[] {
  const ranges: Minute[] = [];
  for (const minute of minutes) {
    const known = ranges.at(-1);
    const near =
      known?.cluster === minute.cluster && known.node === minute.node && minute.first - known.last <= APART_MS;
    if (known !== undefined && near) known.last = Math.max(known.last, minute.last);
    else ranges.push({ ...minute });
  }
  if (ranges.length > RANGES_MAX) {
    // late records from everywhere: between the first and the last, of all nodes
    const first = ranges.reduce((least, range) => Math.min(least, range.first), Number.POSITIVE_INFINITY);
    const last = ranges.reduce((most, range) => Math.max(most, range.last), Number.NEGATIVE_INFINITY);
    return [between(first, last)];
  }
  return ranges.map(({ cluster, node, first, last }) => {
    const ofNode = layer === 'k8s-audit' ? '' : ` AND node = ${sqlString(node)}`;
    return `(cluster = ${sqlString(cluster)}${ofNode} AND ${between(first, last)})`;
  });
}

// ms: what lies within the last one belongs to it
const between = (first: number, last: number): string =>
  `time >= fromUnixTimestamp64Milli(${first}, 'UTC') AND time < fromUnixTimestamp64Milli(${last + 1}, 'UTC')`;
