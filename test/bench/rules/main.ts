// What testing rules over decoded events and keeping their hits costs: node test/bench/start.mjs rules STORE DIRECTORY_OF_RULES... The last line is JSON.
import { parseArgs } from 'node:util';
import { checkRules, sourceOf } from '../../../analytics/rules/compile/check.ts';
import { loadRules } from '../../../analytics/rules/language/load.ts';
import type { EventRule, Rule } from '../../../analytics/rules/language/rule.ts';
import { collectHits, HITS } from '../../../analytics/rules/run/stored-hits.ts';
import type { Source } from '../../../analytics/rules/sources/source.ts';
import { connect } from '../../../analytics/store/connect.ts';
import { withScratchTable } from '../../../analytics/store/scratch.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { half: { type: 'boolean', default: false } },
});
const [location = '', ...directories] = positionals;
const store = await connect(location, 'bench');

const loaded: Rule[] = [];
for (const directory of directories) loaded.push(...(await loadRules(directory)).rules);
const refused = new Set(checkRules(loaded).map(({ path }) => path));
const runnable = loaded.filter((rule): rule is EventRule => rule.kind === 'event' && !refused.has(rule.path));
const rules = runnable.filter((_, i) => !values.half || i % 2 === 0);
const bySource = new Map<Source, EventRule[]>();
for (const rule of rules) {
  const source = sourceOf(rule);
  if (source) bySource.set(source, [...(bySource.get(source) ?? []), rule]);
}

const cpuSeconds = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
const begun = cpuSeconds();
let hits = 0;
for (const [source, own] of bySource) {
  const before = cpuSeconds();
  // as `correlate` does: hits stay in the engine
  const found = await withScratchTable(store, 'hits', HITS, async (table) => {
    await collectHits(store, source, own, table, {});
    const [row] = await store.rows(`SELECT count() AS hits FROM ${table}`);
    return Number(row?.['hits']);
  });
  console.log(`${(cpuSeconds() - before).toFixed(2)} s  ${source.name}: ${own.length} rules, ${found} hits`);
  hits += found;
}
const seconds = cpuSeconds() - begun;
const [row] = await store.rows(
  'SELECT (SELECT count() FROM auditd) + (SELECT count() FROM k8s_audit) + (SELECT count() FROM runtime) AS events',
);
const peakMB = Math.round(process.resourceUsage().maxRSS / 1024);
console.log(JSON.stringify({ seconds, events: Number(row?.['events']), rules: rules.length, hits, peakMB }));
await store.close();
