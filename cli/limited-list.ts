// Lists with a limit: what was asked for on stdout; on stderr whether the limit cut it, or why it is empty.
import { readStoreState, type StoreState } from '../analytics/queries/store-state.ts';
import type { Store } from '../analytics/store/store.ts';
import type { Context } from './context.ts';
import type { Column } from './render/table.ts';

const whyEmpty: Readonly<Record<StoreState, string>> = {
  empty: 'nothing imported yet; run: vestige ingest PATH',
  imported: 'imported, but nothing concluded yet; run: vestige correlate',
  correlated: 'nothing matches',
};

/**
 * Prints at most `limit` rows of what `fetch` gives. `fetch` is asked for one more, which tells whether there are more.
 */
export async function printLimited<R extends object>(
  context: Context,
  store: Store,
  limit: number,
  fetch: (limit: number) => AsyncIterable<R> | Promise<Iterable<R>>,
  columns: readonly Column<R>[],
): Promise<void> {
  const seen = { rows: 0, cut: false };
  const firstOnes = async function* () {
    for await (const row of await fetch(limit + 1)) {
      if (seen.rows === limit) {
        seen.cut = true;
        return;
      }
      seen.rows++;
      yield row;
    }
  };
  await context.printList(firstOnes(), columns);
  if (seen.cut) context.say(`vestige: cut at ${limit}; --limit N shows more`);
  if (seen.rows === 0 && context.stdout.isTTY) context.say(whyEmpty[await readStoreState(store)]);
}
