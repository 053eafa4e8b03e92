// Times of making entities of a store, step by step: node test/bench/start.mjs entities STORE; steps of less than 50 ms are left out. The last line is JSON.
import { buildEntities } from '../../../analytics/entities/entities.ts';
import { connect } from '../../../analytics/store/connect.ts';
import type { Store } from '../../../analytics/store/store.ts';

const [location = ''] = process.argv.slice(2);
const store = await connect(location, 'bench');
const timed =
  <A extends [string, ...unknown[]], R>(work: (...args: A) => Promise<R>) =>
  async (...args: A): Promise<R> => {
    const start = performance.now();
    try {
      return await work(...args);
    } finally {
      const what = args[0].trim().replace(/\s+/g, ' ').slice(0, 60);
      const seconds = (performance.now() - start) / 1000;
      if (seconds > 0.05) console.log(seconds.toFixed(2), what);
    }
  };
const watched: Store = {
  ...store,
  run: timed(store.run.bind(store)),
  rows: timed(store.rows.bind(store)),
  insert: timed(store.insert.bind(store)),
};
const start = performance.now();
const counts = await buildEntities(watched, Date.now());
const seconds = (performance.now() - start) / 1000;
console.log(JSON.stringify({ seconds, ...counts, peakMB: Math.round(process.resourceUsage().maxRSS / 1024) }));
await store.close();
