// vestige findings
import { type Command, Option } from 'commander';
import { type FindingGroup, listFindingGroups } from '../../analytics/queries/finding-groups.ts';
import {
  countSuppressed,
  type Finding,
  type FindingFilter,
  listFindings,
  SEVERITIES,
  type Severity,
} from '../../analytics/queries/findings.ts';
import { loadRules } from '../../analytics/rules/language/load.ts';
import type { Store } from '../../analytics/store/store.ts';
import type { Context } from '../context.ts';
import { addLayer, addLimit, addPlaces, addTimes, type FilterOptions, readFilter } from '../filter-options.ts';
import { addLanguage, type Language } from '../language.ts';
import { printLimited } from '../limited-list.ts';
import { podName, shortId, shortTime } from '../render/cells.ts';
import { findingInWords } from '../render/finding.ts';
import type { Column } from '../render/table.ts';

interface Options extends FilterOptions {
  severity?: Severity;
  rule?: string;
  technique?: string;
  all?: true;
  grouped?: true;
  suppressed?: true;
  lang: Language;
}

/** The title of a rule in the language asked for; findings keep the English one. */
type TitleOf = (finding: { rule_id: string; title: string }) => string;

const columns = (titleOf: TitleOf): readonly Column<Finding>[] => [
  { title: 'TIME', value: (f) => shortTime(f.time) },
  { title: 'SEVERITY', value: (f) => f.severity },
  { title: 'TECHNIQUES', value: (f) => f.techniques.join(' ') },
  { title: 'TITLE', value: titleOf, flexible: true },
  { title: 'POD', value: podName, flexible: true },
  { title: 'CONTAINER', value: (f) => shortId(f.container_id) },
  { title: 'SUMMARY', value: findingInWords, flexible: true },
  { title: 'RECORD', value: (f) => shortId(f.digests[0] ?? '') },
];

const groupColumns = (titleOf: TitleOf): readonly Column<FindingGroup>[] => [
  { title: 'FIRST', value: (g) => shortTime(g.first) },
  { title: 'LAST', value: (g) => (g.count === 1 ? '' : shortTime(g.last)) },
  { title: 'COUNT', value: (g) => String(g.count) },
  { title: 'SEVERITY', value: (g) => g.severity },
  { title: 'TECHNIQUES', value: (g) => g.techniques.join(' ') },
  { title: 'TITLE', value: titleOf, flexible: true },
  { title: 'ABOUT', value: (g) => `${g.subject_kind} ${g.subject}`, flexible: true },
  { title: 'SUMMARY', value: (g) => findingInWords({ ...g, summary: g.examples[0]?.summary ?? '' }), flexible: true },
  { title: 'RECORD', value: (g) => shortId(g.examples[0]?.digests[0] ?? '') },
];

export function registerFindings(program: Command, context: Context): void {
  const command = program
    .command('findings')
    .description('what the rules found, the worst first; what comes again about the same subject is one line')
    .addOption(new Option('--severity <severity>', 'this severity and worse').choices(SEVERITIES))
    .option('--rule <id>', 'of this rule')
    .option('--technique <id>', 'of this ATT&CK technique; T1053 stands for its sub-techniques too')
    .option('--all', 'a line for each finding')
    .option('--grouped', 'groups in --json, --ndjson and --csv too')
    .option('--suppressed', 'those that suppressions hide too')
    .addHelpText(
      'after',
      `
JSON and CSV list each finding, unless --grouped is given.

Examples:
  vestige findings --severity high
  vestige findings --all --technique T1611 --since -7d
  vestige findings --lang zh
  vestige --json findings --pod shop/web
  vestige --json findings --grouped --suppressed`,
    );
  addLimit(addLayer(addPlaces(addTimes(addLanguage(command))))).action(
    async ({ all, grouped, suppressed, lang, ...options }: Options) => {
      const filter = {
        ...options,
        ...readFilter(options, context),
        ...(suppressed ? { suppressed: 'too' as const } : {}),
      };
      const forPeople = ['table', 'tsv'].includes(context.format());
      const titleOf = await titlesIn(lang, context);
      await context.withStore('vestige findings', async (store) => {
        if (grouped || (forPeople && !all))
          await printLimited(
            context,
            store,
            filter.limit,
            (limit) => listFindingGroups(store, { ...filter, limit }),
            groupColumns(titleOf),
          );
        else
          await printLimited(
            context,
            store,
            filter.limit,
            (limit) => listFindings(store, { ...filter, limit }),
            columns(titleOf),
          );
        if (!suppressed) await tellHidden(context, store, filter);
      });
    },
  );
}

// What is no rule of the pack's, as a baseline's finding, keeps its own title.
async function titlesIn(lang: Language, context: Context): Promise<TitleOf> {
  if (lang === 'en') return ({ title }) => title;
  const { rules } = await loadRules(context.packDirectory);
  const titles = new Map(rules.map((rule) => [rule.id, rule.chinese?.title]));
  return ({ rule_id, title }) => titles.get(rule_id) ?? title;
}

async function tellHidden(context: Context, store: Store, filter: FindingFilter): Promise<void> {
  const hidden = await countSuppressed(store, filter);
  if (hidden > 0) context.say(`vestige: ${hidden} more, which suppressions hide; --suppressed shows them`);
}
