// The cases that every rule file holds, run: records through the real decoders, the rule's SQL on the engine, findings
// read back. Each case is a cluster of its own, so that one store serves all of them.
import type { Row, Store } from '../../store/store.ts';
import { sourceOf } from '../compile/check.ts';
import type { CaseContext, Rule, RuleCase } from '../language/rule.ts';
import { detect } from './detect.ts';

export interface CaseRecord {
  cluster: string;
  node: string;
  text: string;
}

export interface CaseOutcome {
  rule: Rule;
  name: string;
  wanted: 'match' | 'miss';
  matched: boolean;
}

const NODE = 'node-1';
const CONTAINER = 'c0ffee';

/** @param load puts records into the store as a collector's are (an arrow that points from ingest to here is not allowed) */
export async function runCases(
  store: Store,
  rules: readonly Rule[],
  load: (records: readonly CaseRecord[]) => Promise<void>,
): Promise<CaseOutcome[]> {
  const cases = rules.flatMap((rule) => [
    ...rule.cases.match.map((one) => ({ rule, one, wanted: 'match' as const })),
    ...rule.cases.miss.map((one) => ({ rule, one, wanted: 'miss' as const })),
  ]);
  const clusterOf = (n: number) => `case-${n}`;
  await load(
    cases.flatMap(({ rule, one }, n) =>
      one.records.map((text) => ({
        cluster: clusterOf(n),
        node: layerOf(rule, rules) === 'k8s-audit' ? '' : NODE,
        text,
      })),
    ),
  );
  await writeContexts(
    store,
    cases.map(({ one }, n) => ({ cluster: clusterOf(n), context: one.context })),
  );
  // base rules of correlations are tested too
  const generating = rules.map((rule) => (rule.kind === 'event' ? { ...rule, generates: true } : rule));
  await detect(store, generating, { version: 1 });
  const rows = await store.rows('SELECT DISTINCT cluster, rule_id FROM findings FINAL');
  const found = new Set(rows.map((row) => `${row['cluster']} ${row['rule_id']}`));
  return cases.map(({ rule, one, wanted }, n) => ({
    rule,
    name: one.name,
    wanted,
    matched: found.has(`${clusterOf(n)} ${rule.id}`),
  }));
}

function layerOf(rule: Rule, rules: readonly Rule[]): string | undefined {
  if (rule.kind === 'event') return sourceOf(rule)?.layer;
  const base = rules.find(
    (other) => other.kind === 'event' && rule.rules.some((r) => r === other.name || r === other.id),
  );
  return base?.kind === 'event' ? sourceOf(base)?.layer : undefined;
}

interface Placed {
  cluster: string;
  context: CaseContext;
}

async function writeContexts(store: Store, placed: readonly Placed[]): Promise<void> {
  const tables: Record<'pods' | 'containers' | 'processes' | 'sessions', Row[]> = {
    pods: placed.flatMap(podsOf),
    containers: placed.flatMap(containerOf),
    processes: placed.flatMap(processesOf),
    sessions: placed.flatMap(({ cluster, context }) =>
      context.session ? [{ cluster, session_id: 'session', kind: 'exec', process_key: 'process', version: 1 }] : [],
    ),
  };
  for (const [table, rows] of Object.entries(tables)) await store.insert(table, rows);
  await store.run(
    `INSERT INTO attributions (cluster, node, time, serial, process_key, container_id, version)
     SELECT cluster, node, time, serial, 'process', if(has({contained:Array(String)}, cluster), {container:String}, ''), 1
     FROM auditd FINAL WHERE has({known:Array(String)}, cluster)`,
    {
      contained: placed.filter(({ context }) => context.container).map(({ cluster }) => cluster),
      known: placed
        .filter(({ context }) => context.container || context.parent || context.process || context.session)
        .map(({ cluster }) => cluster),
      container: CONTAINER,
    },
  );
}

// Rows of one insert have the same columns.
function podsOf({ cluster, context }: Placed): Row[] {
  return (context.pods ?? []).map(({ namespace, pod, uid = pod, ips = [], privileged = false, host_paths = [] }) => ({
    cluster,
    namespace,
    pod,
    pod_uid: uid,
    ips,
    privileged,
    host_paths,
    version: 1,
  }));
}

function containerOf({ cluster, context }: Placed): Row[] {
  if (!context.container) return [];
  const { namespace = '', pod = '', image = '', privileged = false, mounts = [] } = context.container;
  const sides = mounts.map((mount) => mount.split(':'));
  const mount_sources = sides.map(([source]) => source);
  const mount_targets = sides.map(([, target]) => target);
  const known = { namespace, pod, image, privileged, mount_sources, mount_targets };
  return [{ cluster, node: NODE, container_id: CONTAINER, ...known, version: 1 }];
}

function processesOf({ cluster, context }: Placed): Row[] {
  const row = (process_key: string, parent_key: string, side: CaseContext['parent']) => ({
    cluster,
    node: NODE,
    process_key,
    parent_key,
    exe: side?.exe ?? '',
    comm: side?.exe?.split('/').at(-1) ?? '',
    argv: side?.argv ?? [],
    version: 1,
  });
  return [row('process', 'parent', context.process), ...(context.parent ? [row('parent', '', context.parent)] : [])];
}

/** What a rule's cases leave out: a rule shows what it finds and what it only nearly finds. */
export function missingCases(rule: { cases: { match: readonly RuleCase[]; miss: readonly RuleCase[] } }): string[] {
  const { match, miss } = rule.cases;
  return [
    ...(match.length === 0 ? ['no case that must match'] : []),
    ...(miss.length === 0 ? ['no near miss that must not match'] : []),
  ];
}
