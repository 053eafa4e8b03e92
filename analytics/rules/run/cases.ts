// The cases that every rule file holds, run: records through the real decoders, the rule's SQL on the engine, findings
// read back. Each case is a cluster of its own, so that one store serves all of them.
import { indicatorRow } from '../../lists/lists.ts';
import { readAllowedImages } from '../../lists/read-allowed-images.ts';
import { readIndicators } from '../../lists/read-indicators.ts';
import type { Row, Store } from '../../store/store.ts';
import { CASE_START_S } from '../language/made-records.ts';
import type { CaseContext, CaseStep, Rule, RuleCase } from '../language/rule.ts';
import { detect } from './detect.ts';

export interface CaseRecord {
  cluster: string;
  /** Of records of a node; what the API server wrote is of none. */
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
    cases.flatMap(({ one }, n) => one.steps.map(({ record }) => ({ cluster: clusterOf(n), node: NODE, text: record }))),
  );
  await writeContexts(
    store,
    cases.map(({ one }, n) => ({ cluster: clusterOf(n), one })),
  );
  // base rules of correlations are tested too
  const generating = rules.map((rule) => ({ ...rule, generates: true }));
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

interface Placed {
  cluster: string;
  one: RuleCase;
}

type CaseTable =
  | 'pods'
  | 'containers'
  | 'processes'
  | 'sessions'
  | 'attributions'
  | 'clock_offsets'
  | 'gaps'
  | 'novelties'
  | 'indicators'
  | 'allowed_images';

/** What entities and lists would know, by table. */
async function writeContexts(store: Store, placed: readonly Placed[]): Promise<void> {
  const scenes = placed.flatMap(scenesOf);
  const tables: Record<CaseTable, Row[]> = {
    clock_offsets: placed.flatMap(clocksOf),
    gaps: placed.flatMap(gapsOf),
    pods: placed.flatMap(podsOf),
    containers: scenes.flatMap(containerOf),
    processes: scenes.flatMap(processesOf),
    sessions: scenes.flatMap(sessionOf),
    attributions: scenes.flatMap(attributionsOf),
    novelties: placed.flatMap(noveltiesOf),
    indicators: placed.flatMap(indicatorsOf),
    allowed_images: placed.flatMap(allowedImagesOf),
  };
  for (const [table, rows] of Object.entries(tables)) if (rows.length > 0) await store.insert(table, rows);
}

/** Steps of a case that happen in one process of one container. */
interface Scene {
  cluster: string;
  context: CaseContext;
  steps: CaseStep[];
  container: string;
  /** Tells the processes of a case's scenes apart. */
  name: string;
}

function scenesOf({ cluster, one }: Placed): Scene[] {
  const scenes = new Map<string, Scene>();
  const containers: string[] = [];
  for (const step of one.steps) {
    const { context } = step;
    if (Object.values(context).every((known) => known === undefined)) continue;
    const key = JSON.stringify(context);
    const scene = scenes.get(key);
    if (scene) scene.steps.push(step);
    else {
      const place = context.container && JSON.stringify(context.container);
      if (place !== undefined && !containers.includes(place)) containers.push(place);
      const container = place === undefined ? '' : `${CONTAINER}${containers.indexOf(place)}`;
      scenes.set(key, { cluster, context, steps: [step], container, name: context.key ?? String(scenes.size) });
    }
  }
  return [...scenes.values()];
}

/** Clocks of a node and the API server agree as well as NTP makes them in one network: some milliseconds. */
const AGREE_US = 5_000;

const clocksOf = ({ cluster }: Placed): Row[] =>
  ['runtime', 'auditd'].map((layer) => ({
    cluster,
    node: NODE,
    layer,
    reference: 'k8s-audit',
    window_begin: '2000-01-01 00:00:00.000000',
    window_end: '2100-01-01 00:00:00.000000',
    offset_us: 0,
    uncertainty_us: AGREE_US,
    pairs: 1,
    version: 1,
  }));

// Rows of one insert have the same columns.
function podsOf({ cluster, one }: Placed): Row[] {
  return one.pods.map(({ uid, ...pod }) => ({
    cluster,
    namespace: pod.namespace,
    pod: pod.pod,
    pod_uid: uid ?? pod.pod,
    node: pod.node ?? '',
    ips: pod.ips ?? [],
    privileged: pod.privileged ?? false,
    host_paths: pod.host_paths ?? [],
    changed_at: (pod.deployed_at ?? '1970-01-01T00:00:00Z').replace(/Z$/, ''),
    workload_kind: pod.workload_kind ?? '',
    workload_name: pod.workload_name ?? '',
    version: 1,
  }));
}

function noveltiesOf({ cluster, one }: Placed): Row[] {
  return one.novelties.map(({ at, container, ...novelty }, n) => {
    const time = new Date(CASE_START_MS + at * 1000).toISOString().replace('T', ' ').replace('Z', '');
    const event = { node: NODE, container_id: container, event_key: `novelty-${n}`, event_id: `novelty-${n}` };
    return { cluster, ...novelty, ...event, time, hour: `${time.slice(0, 13)}:00:00`, learned_for: 72, version: 1 };
  });
}

// Any hour: novelties of a case have no record.
const CASE_START_MS = Date.parse('2026-11-23T13:00:00Z');
const gapsOf = ({ cluster, one }: Placed): Row[] =>
  one.gaps.map(({ at, seconds, source, kind, missing }) => ({
    cluster,
    source,
    node: NODE,
    first_seen: stamp(CASE_START_S + at),
    last_seen: stamp(CASE_START_S + at + seconds),
    kind,
    missing,
    detail: '',
    version: 1,
  }));

const stamp = (seconds: number) => new Date(seconds * 1000).toISOString().replace('T', ' ').replace('Z', '');

function containerOf({ cluster, context, container: container_id }: Scene): Row[] {
  if (!context.container) return [];
  const { namespace = '', pod = '', name = '', image = '', image_digest = '', privileged = false } = context.container;
  const sides = (context.container.mounts ?? []).map((mount) => mount.split(':'));
  const mount_sources = sides.map(([source]) => source);
  const mount_targets = sides.map(([, target]) => target);
  const pod_uid = pod;
  const known = {
    container_name: name,
    namespace,
    pod,
    pod_uid,
    image,
    image_digest,
    privileged,
    mount_sources,
    mount_targets,
    args: context.container.args ?? [],
  };
  return [{ cluster, node: NODE, container_id, ...known, version: 1 }];
}

function processesOf({ cluster, context, name }: Scene): Row[] {
  const row = (process_key: string, parent_key: string, side: CaseContext['parent']) => ({
    cluster,
    node: NODE,
    process_key,
    parent_key,
    exe: side?.exe ?? '',
    comm: side?.exe?.split('/').at(-1) ?? '',
    argv: side?.argv ?? [],
    uid: side?.uid ?? 0,
    version: 1,
  });
  return [
    row(
      `process${name}`,
      context.parent_key === undefined ? `parent${name}` : `process${context.parent_key}`,
      context.process,
    ),
    ...(context.parent ? [row(`parent${name}`, '', context.parent)] : []),
  ];
}

const sessionOf = ({ cluster, context, name }: Scene): Row[] =>
  context.session
    ? [{ cluster, session_id: `session${name}`, kind: 'exec', process_key: `process${name}`, version: 1 }]
    : [];

function attributionsOf({ cluster, steps, container: container_id, name }: Scene): Row[] {
  return steps.flatMap(({ record }) => {
    const [, seconds, serial] = /\bmsg=audit\((\d+\.\d+):(\d+)\)/.exec(record) ?? [];
    if (seconds === undefined || serial === undefined) return [];
    return [
      {
        cluster,
        node: NODE,
        time: stamp(Number(seconds)),
        serial,
        process_key: `process${name}`,
        container_id,
        version: 1,
      },
    ];
  });
}

const indicatorsOf = ({ cluster, one }: Placed): Row[] =>
  readIndicators(one.indicators.join('\n')).indicators.map((indicator) => ({
    ...{ list: 'case', cluster, version: 1 },
    ...indicatorRow(indicator),
  }));

const allowedImagesOf = ({ cluster, one }: Placed): Row[] =>
  readAllowedImages(JSON.stringify(one.allowedImages)).allowed.map((allowed) => ({
    ...{ list: 'case', cluster, version: 1 },
    ...allowed,
  }));

/** What a rule's cases leave out: a rule shows what it finds and what it only nearly finds. */
export function missingCases(rule: { cases: { match: readonly RuleCase[]; miss: readonly RuleCase[] } }): string[] {
  const { match, miss } = rule.cases;
  return [
    ...(match.length === 0 ? ['no case that must match'] : []),
    ...(miss.length === 0 ? ['no near miss that must not match'] : []),
  ];
}

/** What a rule of the pack leaves out of what its reader needs: rules of others need none of it. */
export function missingFacts(rule: Rule): string[] {
  const wanted: readonly [string, boolean][] = [
    ['question', rule.question !== undefined],
    ['level_reason', rule.severityReason !== undefined],
    ['zh', rule.chinese !== undefined],
    ['matrix', rule.matrix.length > 0],
    ['falsepositives', rule.falsePositives.length > 0],
    ['blind_spots', rule.blindSpots.length > 0],
    ['sentence', rule.sentence !== undefined],
    ['signal', rule.signal !== undefined],
  ];
  return wanted.filter(([, there]) => !there).map(([name]) => `no ${name}`);
}
