// vestige rules lint|test; the others in rules-*.ts
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { checkRules } from '../../analytics/rules/compile/check.ts';
import { refusedByEngine } from '../../analytics/rules/compile/runnable.ts';
import { withLines } from '../../analytics/rules/language/lines.ts';
import { type LoadedRules, loadRules } from '../../analytics/rules/language/load.ts';
import type { Rule } from '../../analytics/rules/language/rule.ts';
import {
  type CaseOutcome,
  type CaseRecord,
  missingCases,
  missingFacts,
  runCases,
} from '../../analytics/rules/run/cases.ts';
import { connect } from '../../analytics/store/connect.ts';
import type { Store } from '../../analytics/store/store.ts';
import { recognise, sourceOf } from '../../ingest/frame/recognise.ts';
import { loadSegment } from '../../ingest/load/load.ts';
import { batchName, createSegment } from '../../ingest/load/segment.ts';
import { CommandError, type Context, EXIT } from '../context.ts';
import { registerRulesCoverage } from './rules-coverage.ts';
import { registerRulesEval } from './rules-eval.ts';
import { registerRulesList } from './rules-list.ts';

interface Options {
  rules?: string;
}

export function registerRules(program: Command, context: Context): void {
  const rules = program.command('rules').description('detection rules (Sigma): what there is, whether it is sound');
  const add = (name: string, description: string, run: (loaded: LoadedRules, ofPack: boolean) => Promise<void>) =>
    rules
      .command(name)
      .description(description)
      .option('--rules <path>', 'a directory or file of rules, other than those that come with vestige')
      .addHelpText('after', `\nExamples:\n  vestige rules ${name}\n  vestige --json rules ${name} --rules my-rules/`)
      .action(async ({ rules: directory = context.packDirectory }: Options) => {
        if (!existsSync(directory)) throw new CommandError(EXIT.notFound, `no such directory: ${directory}`);
        await run(await loadRules(directory), directory === context.packDirectory);
      });
  registerRulesList(rules, context);
  add('lint', 'what keeps rules from being understood or run', (loaded) => lint(loaded, context));
  add('test', 'the cases of every rule, on the engine', (loaded, ofPack) => test(loaded, context, ofPack));
  registerRulesCoverage(rules, context);
  registerRulesEval(rules, context);
}

async function lint({ rules, problems, warnings }: LoadedRules, context: Context): Promise<void> {
  const refused = await withScratchStore((store) => refusedByEngine(store, rules));
  const errors = [...problems, ...withLines([...checkRules(rules), ...refused], rules)];
  const all = [...errors, ...warnings].map(({ path, line, at, detail, remedy, level }) => ({
    path,
    line: line ?? null,
    at,
    detail,
    remedy: remedy ?? null,
    level: level ?? 'error',
  }));
  await context.printList(all, [
    { title: 'level', value: (problem) => problem.level },
    { title: 'file', value: ({ path, line }) => (line === null ? path : `${path}:${line}`), flexible: true },
    { title: 'where', value: (problem) => problem.at, flexible: true },
    { title: 'problem', value: (problem) => problem.detail, flexible: true },
    { title: 'remedy', value: (problem) => problem.remedy ?? '', flexible: true },
  ]);
  const files = new Set(errors.map(({ path }) => path)).size;
  context.say(`${rules.length} rules, ${errors.length} problems in ${files} rules, ${warnings.length} warnings`);
  if (errors.length > 0) context.setExitCode(EXIT.failed);
}

async function test({ rules, problems }: LoadedRules, context: Context, ofPack: boolean): Promise<void> {
  for (const { path, at, detail } of problems) context.say(`vestige: ${path}: ${at}: ${detail}`);
  const outcomes = await testRules(rules);
  const wrong = outcomes.filter(({ wanted, matched }) => matched !== (wanted === 'match'));
  await context.printList(outcomes.map(inWords), [
    { title: 'result', value: (outcome) => outcome.result },
    { title: 'wanted', value: (outcome) => outcome.wanted },
    { title: 'case', value: (outcome) => outcome.case, flexible: true },
    { title: 'file', value: (outcome) => outcome.path, flexible: true },
  ]);
  for (const rule of rules) {
    const missing = [...missingCases(rule), ...(ofPack ? missingFacts(rule) : [])];
    if (missing.length > 0) context.say(`vestige: ${rule.path}: ${missing.join(', ')}`);
  }
  context.say(`${rules.length} rules, ${outcomes.length} cases, ${wrong.length} wrong`);
  if (wrong.length > 0 || problems.length > 0) context.setExitCode(EXIT.failed);
}

const inWords = ({ rule, name, wanted, matched }: CaseOutcome) => ({
  result: matched === (wanted === 'match') ? 'right' : 'wrong',
  wanted,
  case: name,
  rule_id: rule.id,
  title: rule.title,
  path: rule.path,
});

/** Every case of the rules, in a store of its own that is gone afterwards. */
export function testRules(rules: readonly Rule[]): Promise<CaseOutcome[]> {
  return withScratchStore((store) => runCases(store, rules, (records) => load(store, records)));
}

export async function withScratchStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-rules-'));
  try {
    const store = await connect(`embedded:${directory}`, 'vestige rules');
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function load(store: Store, records: readonly CaseRecord[]): Promise<void> {
  if (records.length === 0 || store.directory === undefined) return;
  const path = join(store.directory, 'tmp', 'cases.bin');
  const segment = createSegment(path);
  for (const [n, { cluster, node, text }] of records.entries()) {
    const raw = Buffer.from(text);
    const format = recognise(raw);
    const source = format === 'unknown' ? 'runtime' : sourceOf[format];
    const envelope = {
      source,
      cluster,
      node: source === 'k8s-audit' ? '' : node,
      collector: '',
      bootId: '',
      stream: 'cases',
      loader: 'cases',
    };
    segment.append(envelope, n + 1, { position: n, receivedAtUs: 0, lines: text.split('\n').length, format, raw });
  }
  segment.close();
  await loadSegment(store, batchName('rule-cases', 1), segment);
}
