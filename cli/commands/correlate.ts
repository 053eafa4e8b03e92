// vestige correlate

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { LEARNING_HOURS } from '../../analytics/baselines/baselines.ts';
import { type Correlation, correlate } from '../../analytics/correlate.ts';
import { CONTEXT_LABELS, type ContextLabels } from '../../analytics/entities/actors/actors.ts';
import { loadLists } from '../../analytics/lists/lists.ts';
import { SENSITIVE_VALUES } from '../../analytics/noise/context.ts';
import type { ExceptionKind } from '../../analytics/noise/exceptions.ts';
import { loadExceptions } from '../../analytics/noise/load-exceptions.ts';
import { loadRules } from '../../analytics/rules/language/load.ts';
import type { Rule } from '../../analytics/rules/language/rule.ts';
import type { Store } from '../../analytics/store/store.ts';
import { watch } from '../../analytics/watch.ts';
import { CommandError, type Context, EXIT } from '../context.ts';
import { parseTime } from '../time.ts';
import { checkPaths } from './lists.ts';

interface Options {
  rules: string[];
  pack: boolean;
  ownerLabels: readonly string[];
  teamLabels: readonly string[];
  sensitivityLabels: readonly string[];
  sensitiveValues: readonly string[];
  suppressions?: string;
  maintenance?: string;
  indicators?: string[];
  allowedImages?: string[];
  since?: string;
  all?: boolean;
  watch?: boolean;
  every: number;
}

export function registerCorrelate(program: Command, context: Context): void {
  program
    .command('correlate')
    .description('join the layers: entities, findings and attack chains from all that was imported')
    .option(
      '--rules <path>',
      'a directory or file of rules beside those that come with vestige; may be repeated',
      collect,
      [],
    )
    .option('--no-pack', 'without the rules that come with vestige')
    .option('--since <time>', 'test rules on events from then on, and leave earlier findings as they are')
    .option('--all', 'test all rules on all events anew, not only on what changed since the last run')
    .option('--watch', 'go on: conclude again whenever records have come')
    .option('--every <seconds>', 'how often to look for new records', parseSeconds, 10)
    .addOption(labelsOption('owner', 'whose a pod is'))
    .addOption(labelsOption('team', 'which team answers for it'))
    .addOption(labelsOption('sensitivity', 'how much it matters'))
    .addOption(
      new Option('--sensitive-values <values>', 'values of these labels that make a finding graver')
        .env('VESTIGE_SENSITIVE_VALUES')
        .default(SENSITIVE_VALUES, 'high, restricted, confidential ... (docs/reference/findings.md)')
        .argParser(keysOf),
    )
    .addOption(listOption('suppressions', 'findings to hide: a YAML file or a directory of them'))
    .addOption(listOption('maintenance', 'times of known work: a YAML file or a directory of them'))
    .addOption(filesOption('indicators', 'what to look for: CSV or STIX 2.1, files or directories'))
    .addOption(filesOption('allowed-images', 'where images may come from: YAML'))
    .addHelpText(
      'after',
      `
Labels are looked up on the pod, its workload and its namespace, the nearest first; a key without a prefix stands for that name under any.

Examples:
  vestige correlate
  vestige correlate --team-labels acme.io/squad,team
  vestige correlate --suppressions suppressions.yml --maintenance maintenance/
  vestige correlate --indicators feed.csv c2.json --allowed-images registries.yml
  vestige correlate --rules sigma/rules/linux --rules sigma/rules/application
  vestige correlate --no-pack --rules my-rules/
  vestige --ndjson correlate --watch
  vestige --json correlate`,
    )
    .action((options: Options) =>
      context.withStore('vestige correlate', async (store) => {
        await takeLists(store, options, context);
        const rules = await readRules([...(options.pack ? [context.packDirectory] : []), ...options.rules], context);
        const since = options.since === undefined ? undefined : parseTime(options.since, '--since', context.now());
        const conclude = () =>
          correlate(store, rules, context.now, labelsOf(options), options.sensitiveValues, {
            since,
            anew: options.all,
          });
        const tell = (done: Correlation) => {
          for (const p of done.refused) context.say(`vestige: rule ${p.path}, ${p.at}: ${p.detail}`);
          context.printOne(done, () => inWords(done));
        };
        if (!options.watch) return tell(await conclude());
        const { stop } = context;
        for await (const done of watch(store, conclude, { everyMs: options.every * 1000, stop })) tell(done);
      }),
    );
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds >= 1)) throw new InvalidArgumentError('a number of seconds, 1 or more');
  return seconds;
}

const keysOf = (list: string) =>
  list
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '');

function labelsOption(name: keyof ContextLabels, what: string): Option {
  return new Option(`--${name}-labels <keys>`, `labels that say ${what}, the first to be found first`)
    .env(`VESTIGE_${name.toUpperCase()}_LABELS`)
    .default(CONTEXT_LABELS[name], CONTEXT_LABELS[name].join(','))
    .argParser(keysOf);
}

const listOption = (name: string, what: string): Option =>
  new Option(`--${name} <path>`, what).env(`VESTIGE_${name.toUpperCase()}`);

const filesOption = (name: string, what: string): Option =>
  new Option(`--${name} <path...>`, what)
    .env(`VESTIGE_${name.toUpperCase().replaceAll('-', '_')}`)
    .argParser((path: string, before: string[] | undefined) => [...(before ?? []), ...path.split(',')]);

/** What the user says goes into the store first: conclusions come from there alone. */
async function takeLists(store: Store, options: Options, context: Context): Promise<void> {
  const lists: [ExceptionKind, string | undefined][] = [
    ['suppression', options.suppressions],
    ['maintenance', options.maintenance],
  ];
  for (const [kind, paths] of [
    ['indicators', options.indicators],
    ['allowed-images', options.allowedImages],
  ] as const) {
    if (paths === undefined) continue;
    checkPaths(paths);
    for (const p of await loadLists(store, { kind, paths, from: 'files', now: context.now() }))
      context.say(`vestige: ${p.path}, ${p.at}: ${p.detail}`);
  }
  for (const [kind, path] of lists) {
    if (path === undefined) continue;
    checkPaths([path]);
    for (const p of await loadExceptions(store, kind, path, context.now()))
      context.say(`vestige: ${p.path}, ${p.at}: ${p.detail}`);
  }
}

const labelsOf = (options: Options): ContextLabels => ({
  owner: options.ownerLabels,
  team: options.teamLabels,
  sensitivity: options.sensitivityLabels,
});

function inWords(c: Correlation): string {
  return [
    `${c.pods} pods, ${c.containers} containers, ${c.processes} processes, ${c.sessions} sessions, ${c.events} events on one axis`,
    `${c.findings} findings${noiseInWords(c)}, ${c.chains} chains`,
    baselinesInWords(c.baselines),
    `in ${c.seconds.toFixed(1)} s`,
  ].join('\n');
}

/** Where little was watched nothing is new, which must not read as nothing unusual. */
function baselinesInWords({ subjects, learned, novelties }: Correlation['baselines']): string {
  const watched = `baselines of ${subjects} workloads, programs of nodes and principals`;
  return learned === 0
    ? `${watched}, none learned yet: each is watched for ${LEARNING_HOURS} hours before anything is called new`
    : `${watched}, ${learned} learned; ${novelties} facts were new`;
}

function noiseInWords({ suppressed, raised, lowered }: Correlation): string {
  const told = [
    suppressed > 0 ? `${suppressed} of them suppressed` : '',
    raised > 0 ? `${raised} graver for what they touch` : '',
    lowered > 0 ? `${lowered} less grave in maintenance` : '',
  ].filter((part) => part !== '');
  return told.length === 0 ? '' : ` (${told.join(', ')})`;
}

const collect = (value: string, before: string[]) => [...before, value];

/** Rules that can be used, of each id the first; what cannot be understood is said, and does not hold up the others. */
export async function readRules(directories: readonly string[], context: Context): Promise<Rule[]> {
  const found = new Map<string, Rule>();
  const tell = (path: string, at: string, detail: string) => context.say(`vestige: rule ${path}, ${at}: ${detail}`);
  for (const directory of directories) {
    if (!existsSync(directory)) throw new CommandError(EXIT.notFound, `${directory}: no such directory of rules`);
    // files of several directories may have one name
    const named = (path: string) => (directories.length > 1 ? join(directory, path) : path);
    const { rules, problems } = await loadRules(directory);
    for (const { path, at, detail } of problems) tell(named(path), at, detail);
    for (const rule of rules) {
      const other = found.get(rule.id);
      if (other) tell(named(rule.path), 'id', `${other.path} has the same id`);
      else found.set(rule.id, { ...rule, path: named(rule.path) });
    }
  }
  return [...found.values()];
}
