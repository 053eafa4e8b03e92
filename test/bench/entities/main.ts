// Times of making entities of a store, step by step: node test/bench/start.mjs entities STORE. Of each statement: seconds, and seconds of processor time of
// this process meanwhile (the engine runs in it); of less than 50 ms together at the end. The last line is JSON.
import { buildEntities } from '../../../analytics/entities/entities.ts';
import { connect } from '../../../analytics/store/connect.ts';
import { processorSeconds, watched } from '../watched.ts';

const [location = ''] = process.argv.slice(2);
const store = await connect(location, 'bench');
const { store: timed, all } = watched(store, 0.05);
const [start, worked] = [performance.now(), processorSeconds()];
const counts = await buildEntities(timed, Date.now());
const seconds = (performance.now() - start) / 1000;
console.log(`${all.statements} statements: ${all.seconds.toFixed(2)} s, ${all.processor.toFixed(2)} of processor time`);
const rounded = { seconds, processorSeconds: Math.round((processorSeconds() - worked) * 100) / 100 };
console.log(JSON.stringify({ ...rounded, ...counts, peakMB: Math.round(process.resourceUsage().maxRSS / 1024) }));
await store.close();
