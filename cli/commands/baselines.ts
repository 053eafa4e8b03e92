// vestige baselines list|show|pin|reject|unpin
import { type Command, Option } from 'commander';
import { decide, type NewDecision } from '../../analytics/baselines/decisions.ts';
import {
  FACT_KINDS,
  type Fact,
  findSubjects,
  listSubjects,
  readBaseline,
  SUBJECT_KINDS,
  type Subject,
} from '../../analytics/queries/baselines.ts';
import type { Store } from '../../analytics/store/store.ts';
import type { Context } from '../context.ts';
import { addLimit } from '../filter-options.ts';
import { printLimited } from '../limited-list.ts';
import { CANDIDATES_MAX, pickOne } from '../pick.ts';
import { learnedInWords, renderBaseline } from '../render/baseline.ts';
import { shortTime } from '../render/cells.ts';
import type { Column } from '../render/table.ts';

const AT = 'vestige baselines';
const NAMES =
  'NAMESPACE/KIND/NAME/CONTAINER of a workload, program of a node, principal; a part of it that only one has will do';

const columns: readonly Column<Subject>[] = [
  { title: 'SUBJECT', value: (s) => s.subject, flexible: true },
  { title: 'KIND', value: (s) => s.subject_kind },
  { title: 'WATCHED SINCE', value: (s) => shortTime(s.watched_since) },
  { title: 'LEARNED', value: learnedInWords, flexible: true },
  { title: 'FACTS', value: (s) => String(s.counts.facts) },
  { title: 'WERE NEW', value: (s) => String(s.counts.new) },
  { title: 'KEPT OUT', value: (s) => String(s.counts.kept_out) },
  { title: 'PINNED', value: (s) => String(s.counts.pinned) },
  { title: 'REJECTED', value: (s) => String(s.counts.rejected) },
];

interface Where {
  cluster?: string;
}

export function registerBaselines(program: Command, context: Context): void {
  const group = program
    .command('baselines')
    .description(
      'what is normal for a workload, a program of nodes, a principal; what was new; what analysts say of it',
    );
  const examples = `
Examples:
  vestige baselines list --kind workload
  vestige baselines show shop/Deployment/web/web --kind exec
  vestige baselines show alice
  vestige baselines pin web exec /usr/bin/pg_dump --by ann@example.org --reason 'quarterly dump'
  vestige baselines reject web peer 203.0.113.0/24:8443 --by ann@example.org --reason 'former provider'
  vestige baselines unpin web exec /usr/bin/pg_dump --by ann@example.org --reason 'moved to the job'`;
  addLimit(
    group
      .command('list')
      .description('everything that is watched, and whether it is learned yet')
      .argument('[name]', 'the beginning of a subject; * stands for any text')
      .addOption(new Option('--kind <kind>', 'subjects of this kind').choices(SUBJECT_KINDS))
      .option('--cluster <name>', 'of this cluster')
      .addHelpText('after', examples),
  ).action((name: string | undefined, options: Where & { kind?: string; limit: number }) =>
    context.withStore(AT, (store) =>
      printLimited(
        context,
        store,
        options.limit,
        (limit) => listSubjects(store, { name, subjectKind: options.kind, cluster: options.cluster, limit }),
        columns,
      ),
    ),
  );
  group
    .command('show')
    .description('one baseline: every fact with its state, what was new and how improbable, every decision')
    .argument('<subject>', NAMES)
    .addOption(new Option('--kind <kind>', 'facts of this kind').choices(FACT_KINDS))
    .option('--cluster <name>', 'of this cluster')
    .addHelpText('after', examples)
    .action((name: string, { kind, cluster }: Where & { kind?: string }) =>
      context.withStore(AT, async (store) => {
        const baseline = await readBaseline(store, await pickSubject(store, name, cluster), kind);
        context.printOne(baseline, () => renderBaseline(baseline));
      }),
    );
  const say: Record<NewDecision['decision'], string> = {
    pin: 'this is normal there: never told as new',
    reject: 'this is never normal there: told in every hour that shows it',
    unpin: 'takes back a pin or a rejection',
  };
  for (const decision of ['pin', 'reject', 'unpin'] as const) {
    group
      .command(decision)
      .description(say[decision])
      .argument('<subject>', NAMES)
      .addArgument(group.createArgument('<kind>', 'kind of the fact').choices(FACT_KINDS))
      .argument('<value>', 'its value, or a beginning that only one has')
      .requiredOption('--by <who>', 'who decides')
      .requiredOption('--reason <words>', 'why')
      .option('--unseen', 'the value was not seen there yet: take it as it is written')
      .option('--cluster <name>', 'of this cluster')
      .addHelpText('after', examples)
      .action(
        (name: string, kind: string, value: string, options: Where & { by: string; reason: string; unseen?: true }) =>
          context.withStore(AT, async (store) => {
            const subject = await pickSubject(store, name, options.cluster);
            const { facts } = await readBaseline(store, subject, kind);
            const of = { cluster: subject.cluster, subject: subject.subject, kind };
            const exact = options.unseen ? value : pickFact(facts, kind, value).value;
            await decide(
              store,
              { ...of, value: exact, decision, reason: options.reason, by: options.by },
              context.now(),
            );
            context.printOne(
              { ...of, value: exact, decision },
              () => `${decision}: ${subject.subject}  ${kind}  ${exact}`,
            );
            context.say('vestige: kept; it holds from the next vestige correlate on');
          }),
      );
  }
}

async function pickSubject(store: Store, name: string, cluster: string | undefined): Promise<Subject> {
  const found = await findSubjects(store, { name, cluster, limit: CANDIDATES_MAX + 1 });
  return pickOne(found, 'baseline of', name, (s) => [s.subject, s.cluster, learnedInWords(s)].join('  '));
}

function pickFact(facts: readonly Fact[], kind: string, value: string): Fact {
  const exact = facts.filter((fact) => fact.value === value);
  const begins = facts.filter((fact) => fact.value.startsWith(value)).slice(0, CANDIDATES_MAX + 1);
  return pickOne(exact.length > 0 ? exact : begins, `${kind} (--unseen for what was not seen yet)`, value, (fact) =>
    [fact.value, fact.state, `${fact.events} events`].join('  '),
  );
}
