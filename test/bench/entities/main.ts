// Times of making entities of a store, step by step: node test/bench/start.mjs entities STORE. Of each statement: seconds, and seconds of processor time of
// this process meanwhile (the engine runs in it); of less than 50 ms together at the end. The last line is JSON.
import { buildEntities } from '../../../analytics/entities/entities.ts';
import { connect } from '../../../analytics/store/connect.ts';
import type { Store } from '../../../analytics/store/store.ts';

const [location = ''] = process.argv.slice(2);
const store = await connect(location, 'bench');
const processor = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const all = { statements: 0, seconds: 0, processor: 0 };
const timed =
  <A extends [string, ...unknown[]], R>(work: (...args: A) => Promise<R>) =>
  async (...args: A): Promise<R> => {
    const [start, worked] = [performance.now(), processor()];
    try {
      return await work(...args);
    } finally {
      const what = args[0].trim().replace(/\s+/g, ' ').slice(0, 90);
      const [seconds, own] = [(performance.now() - start) / 1000, processor() - worked];
      all.statements++;
      all.seconds += seconds;
      all.processor += own;
      if (own > 0.05) console.log(seconds.toFixed(2), own.toFixed(2), what);
    }
  };
const watched: Store = {
  ...store,
  run: timed(store.run.bind(store)),
  rows: timed(store.rows.bind(store)),
  insert: timed(store.insert.bind(store)),
};
const [start, worked] = [performance.now(), processor()];
const counts = await buildEntities(watched, Date.now());
const seconds = (performance.now() - start) / 1000;
console.log(`${all.statements} statements: ${all.seconds.toFixed(2)} s, ${all.processor.toFixed(2)} of processor time`);
const rounded = { seconds, processorSeconds: Math.round((processor() - worked) * 100) / 100 };
console.log(JSON.stringify({ ...rounded, ...counts, peakMB: Math.round(process.resourceUsage().maxRSS / 1024) }));
await store.close();
