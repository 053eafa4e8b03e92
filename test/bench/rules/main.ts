// What testing rules over decoded events and keeping their hits costs: node test/bench/start.mjs rules STORE DIRECTORY_OF_RULES... The last line is JSON.
// --profile: of each statement seconds and seconds of processor time. --half: every second rule. --only NAME: log sources whose names hold it.
import { parseArgs } from 'node:util';
import { checkRules, sourceOf } from '../../../analytics/rules/compile/check.ts';
import { loadRules } from '../../../analytics/rules/language/load.ts';
import type { EventRule, Rule } from '../../../analytics/rules/language/rule.ts';
import { collectHits, HITS } from '../../../analytics/rules/run/stored-hits.ts';
import type { Source } from '../../../analytics/rules/sources/source.ts';
import { connect } from '../../../analytics/store/connect.ts';
import { withScratchTable } from '../../../analytics/store/scratch.ts';
import { processorSeconds, watched } from '../watched.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    half: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});
const [location = '', ...directories] = positionals;
const opened = await connect(location, 'bench');
const store = values.profile ? watched(opened, 0.03, 140).store : opened;

const loaded: Rule[] = [];
for (const directory of directories) loaded.push(...(await loadRules(directory)).rules);
const refused = new Set(checkRules(loaded).map(({ path }) => path));
const runnable = loaded.filter((rule): rule is EventRule => rule.kind === 'event' && !refused.has(rule.path));
const rules = runnable.filter((_, i) => !values.half || i % 2 === 0);
const bySource = new Map<Source, EventRule[]>();
for (const rule of rules) {
  const source = sourceOf(rule);
  if (source?.name.includes(values.only)) bySource.set(source, [...(bySource.get(source) ?? []), rule]);
}

const begun = processorSeconds();
let hits = 0;
for (const [source, own] of bySource) {
  const before = processorSeconds();
  // as `correlate` does: hits stay in the engine
  const found = await withScratchTable(store, 'hits', HITS, async (table) => {
    await collectHits(store, source, own, table, {});
    // the same sum of hashes: the same hits, with all that is told of them
    const [row] = await opened.rows(`SELECT count() AS hits, hex(sum(cityHash64(*))) AS hash FROM ${table}`);
    return { hits: Number(row?.['hits']), hash: row?.['hash'] };
  });
  console.log(
    `${(processorSeconds() - before).toFixed(2)} s  ${source.name}: ${own.length} rules, ${found.hits} hits, hash ${found.hash}`,
  );
  hits += found.hits;
}
const seconds = processorSeconds() - begun;
const [row] = await store.rows(
  'SELECT (SELECT count() FROM auditd) + (SELECT count() FROM k8s_audit) + (SELECT count() FROM runtime) AS events',
);
const peakMB = Math.round(process.resourceUsage().maxRSS / 1024);
console.log(JSON.stringify({ seconds, events: Number(row?.['events']), rules: rules.length, hits, peakMB }));
await store.close();
