// What decides what rules find, as digests: a rule that is new or whose text, log source or way of being compiled changed is tested on everything,
// and it alone; a correlation is looked at again when the hits it rests on changed.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Store } from '../../store/store.ts';
import { compile } from '../compile/compile.ts';
import { basesOf, eventRulesOf } from '../language/references.ts';
import type { CorrelationRule, EventRule, Rule } from '../language/rule.ts';
import type { Source } from '../sources/source.ts';

export interface Tested {
  tested: string;
  told: string;
}

const Row = z.object({ rule_id: z.string(), tested: z.string(), told: z.string() });

export async function readTested(store: Store): Promise<Map<string, Tested>> {
  const rows = await store.rows('SELECT rule_id, tested, told FROM tested_rules FINAL', {}, 'background');
  return new Map(
    z
      .array(Row)
      .parse(rows)
      .map(({ rule_id, ...rest }) => [rule_id, rest]),
  );
}

/** Of rules that are not among them nothing is known any more. */
export async function writeTested(
  store: Store,
  known: ReadonlyMap<string, Tested>,
  now: ReadonlyMap<string, Tested>,
  version: number,
): Promise<void> {
  const isSame = (id: string, { tested, told }: Tested) =>
    known.get(id)?.tested === tested && known.get(id)?.told === told;
  const changed = [...now].filter(([id, one]) => !isSame(id, one));
  const gone = [...known].filter(([id]) => !now.has(id));
  const rows = [
    ...changed.map(([rule_id, one]) => ({ rule_id, ...one, version, is_deleted: 0 })),
    ...gone.map(([rule_id, one]) => ({ rule_id, ...one, version, is_deleted: 1 })),
  ];
  if (rows.length > 0) await store.insert('tested_rules', rows);
}

/** Typed rows that were derived again or removed may have changed without their minutes telling: everything is tested then. */
export async function epochOf(store: Store): Promise<string> {
  const [row] = await store.rows(
    "SELECT max(version) AS last FROM cursors WHERE job IN ('reindex', 'retention')",
    {},
    'background',
  );
  return String(row?.['last'] ?? 0);
}

const digestOf = (...parts: unknown[]): string => createHash('sha256').update(JSON.stringify(parts)).digest('hex');

/** What decides the hits of an event rule: the SQL it becomes, whatever of the rule or of this program makes it so. */
export function testedBy(source: Source, rule: EventRule, asked: readonly string[], epoch: string): string {
  const { exact, joins, needsRaw } = compile(rule.condition, source.field);
  const fields = asked.map((name) => [name, source.field(name)?.sql]);
  const part = source.partOf?.(rule.condition);
  const rows = source.rows({ joins, part, rawFor: needsRaw ? '' : undefined });
  return digestOf(epoch, source.name, exact, source.constraint(rule.logsource), rows, fields);
}

/** What findings of a rule say beside what its hits do. */
export const toldBy = ({ title, severity, signal, techniques, tactics, sentence }: Rule, note: string): string =>
  digestOf(title, severity, signal, techniques, tactics, sentence, note);

/** What decides the runs of a correlation: its text and that of those below it, their hits, and the clocks of nodes where several are compared. */
export function restsOn(
  rule: CorrelationRule,
  rules: readonly Rule[],
  {
    lastChanges,
    clocks,
    testedOf,
  }: { lastChanges: ReadonlyMap<string, number>; clocks: string; testedOf(rule: EventRule): string | undefined },
): string {
  const events = eventRulesOf(rule, rules).map((base) => [
    base.id,
    base.name,
    testedOf(base),
    lastChanges.get(base.id) ?? 0,
  ]);
  return digestOf(correlationsBelow(rule, rules).map(textOf), events, clocks);
}

/** With itself. */
export function correlationsBelow(rule: CorrelationRule, rules: readonly Rule[]): CorrelationRule[] {
  const seen = new Set<CorrelationRule>();
  const visit = (one: CorrelationRule) => {
    if (seen.has(one)) return;
    seen.add(one);
    for (const base of basesOf(one, rules)) if (base.kind === 'correlation') visit(base);
  };
  visit(rule);
  return [...seen];
}

/** Where it is written and what it is tested with decide nothing. */
const textOf = ({ path: _path, lines: _lines, cases: _cases, ...text }: CorrelationRule) => text;
