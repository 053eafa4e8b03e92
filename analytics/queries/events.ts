// Events of the three layers as `events`, `search` and the page see them; rows come as the engine makes them.
import { z } from 'zod';
import type { Params, Store } from '../store/store.ts';
import { type EventFilter, filterParams } from './event-filter.ts';
import sql from './events.sql';
import type { SearchExpression } from './search-expression.ts';
import matches from './search-matches.sql';

const Row = z
  .object({
    time: z.string().nullable(),
    layer: z.string(),
    cluster: z.string(),
    node: z.string(),
    namespace: z.string(),
    pod: z.string(),
    pod_uid: z.string(),
    container_id: z.string(),
    principal: z.string(),
    action: z.string(),
    object: z.string(),
    outcome: z.string(),
    pid: z.number().nullable(),
    exe: z.string(),
    digest: z.string(),
    method: z.string(),
    confidence: z.number(),
  })
  .transform(({ method, confidence, ...event }) => ({
    ...event,
    attribution: method === '' ? null : { method, confidence },
  }));

/** One event (section 10 of the design); `time` null: the bytes hold none; `attribution` null: of no container. */
export type EventRow = z.infer<typeof Row>;

/** Events in order of time, as many as `filter.limit`. */
export async function* listEvents(store: Store, filter: EventFilter): AsyncIterable<EventRow> {
  for await (const row of store.stream(sql, filterParams(filter))) yield Row.parse(row);
}

// Columns that `field=value` of a search may name, and how they are compared.
const searchable: Readonly<Record<string, string>> = {
  layer: 'e.layer',
  cluster: 'e.cluster',
  node: 'e.node',
  namespace: 'e.namespace',
  pod: 'e.pod',
  pod_uid: 'e.pod_uid',
  container_id: 'e.container_id',
  principal: 'e.principal',
  action: 'e.action',
  object: 'e.object',
  outcome: 'e.outcome',
  pid: 'toString(e.pid)',
  exe: 'e.exe',
  digest: 'lower(hex(e.digest))',
};

export const SEARCHABLE_FIELDS: readonly string[] = Object.keys(searchable);

/** Events whose record holds every word and whose columns have the values asked for. */
export async function* searchEvents(
  store: Store,
  expression: SearchExpression,
  filter: EventFilter,
): AsyncIterable<EventRow> {
  const conditions: string[] = [];
  const params: Params = filterParams(filter);
  for (const [i, { field, pattern }] of expression.fields.entries()) {
    conditions.push(`AND ${searchable[field]} LIKE {field${i}:String}`);
    params[`field${i}`] = pattern;
  }
  if (expression.words.length > 0) {
    conditions.push(`AND e.digest IN (${matches})`);
    params['words'] = expression.words;
  }
  const text = sql.replace('/* and what a search asks for */', () => conditions.join('\n'));
  for await (const row of store.stream(text, params)) yield Row.parse(row);
}
