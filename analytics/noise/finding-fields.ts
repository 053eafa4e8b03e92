// The fields of a finding that exceptions speak of, as a log source has them: columns of the finding, and what entities know of its
// container, its process and its request. Alias f is the finding; joins are made where a field of theirs is asked for.

import { compile, type Field } from '../rules/compile/compile.ts';
import { parsePart } from '../rules/language/detection.ts';
import { and, type Expression, or, testsOf } from '../rules/language/expression.ts';
import { many, one } from '../rules/sources/source.ts';
import type { Draft } from './exceptions.ts';

const TAGS = "arrayMap(t -> concat('attack.', lower(t)), arrayConcat(f.techniques, f.tactics))";

const fields: Record<string, Field> = {
  rule: many(`arrayConcat([f.rule_id, f.title], ${TAGS})`),
  rule_id: one('f.rule_id'),
  title: one('f.title'),
  tag: many(TAGS),
  severity: one('f.rule_severity'),
  signal: one('f.signal'),
  source: one('f.source'),
  cluster: one('f.cluster'),
  node: one('f.node'),
  namespace: one('f.namespace'),
  pod: one('f.pod'),
  pod_uid: one('f.pod_uid'),
  container_id: one('f.container_id'),
  principal: one('f.principal'),
  summary: one('f.summary'),
  digest: many('arrayMap(d -> lower(hex(d)), f.digests)'),
  workload: many(
    "if(w.workload_name = '', [], [w.workload_name, concat(w.workload_kind, '/', w.workload_name)])",
    'pods',
  ),
  owner: one('w.owner', 'pods'),
  team: one('w.team', 'pods'),
  container: one('c.container_name', 'containers'),
  image: many(
    "arrayFilter(i -> i != '', arrayConcat([c.image, c.image_digest], r.images, r.image_digests))",
    'containers requests',
  ),
  exe: one('p.exe', 'processes'),
  command: one("arrayStringConcat(p.argv, ' ')", 'processes'),
  verb: one('r.verb', 'requests'),
  resource: one('r.resource', 'requests'),
  name: one('r.name', 'requests'),
  target_namespace: one('r.namespace', 'requests'),
  address: many('r.source_ips', 'requests'),
};

/** One without a name is looked for in the summary. */
const field = (name: string | undefined): Field | undefined => (name === undefined ? one('f.summary') : fields[name]);

/** What each join adds; `findings` stands for the table or SELECT that f is. */
const JOINS: Record<string, (findings: string) => string> = {
  pods: () => 'LEFT ANY JOIN (SELECT * FROM pods FINAL) AS w ON w.cluster = f.cluster AND w.pod_uid = f.pod_uid',
  containers:
    () => `LEFT ANY JOIN (SELECT cluster, node, container_id, container_name, image, image_digest FROM containers FINAL) AS c
    ON c.cluster = f.cluster AND c.container_id = f.container_id`,
  processes: (findings) => `LEFT ANY JOIN (SELECT cluster, node, process_key, exe, argv FROM processes FINAL
      WHERE process_key IN (SELECT process_key FROM ${findings})) AS p
    ON p.cluster = f.cluster AND p.node = f.node AND p.process_key = f.process_key`,
  requests: (findings) => `LEFT ANY JOIN
    (
      SELECT cluster, audit_id, any(verb) AS verb, any(if(subresource = '', resource, concat(resource, '/', subresource))) AS resource,
             max(name) AS name, any(namespace) AS namespace, any(source_ips) AS source_ips,
             arrayDistinct(arrayFlatten(groupArray(images))) AS images, arrayDistinct(arrayFlatten(groupArray(image_digests))) AS image_digests
      FROM k8s_audit WHERE audit_id IN (SELECT event_key FROM ${findings})
      GROUP BY cluster, audit_id
    ) AS r ON r.cluster = f.cluster AND r.audit_id = f.event_key`,
};

export interface FindingCondition {
  sql: string;
  joins: string[];
}

/** What follows FROM for conditions that ask for these joins. */
export const fromFindings = (findings: string, joins: readonly string[]): string =>
  `${findings} AS f ${[...new Set(joins)]
    .sort()
    .map((name) => JOINS[name]?.(findings) ?? '')
    .join('\n')}`;

/** @throws DetectionError with the place and words for who wrote it */
export function conditionOf(draft: About): FindingCondition {
  const { exact, joins } = compile(expressionOf(draft), field);
  return { sql: exact, joins: [...joins].flatMap((names) => names.split(' ')) };
}

type About = Pick<Draft, 'rules' | 'selection' | 'filter'>;

export function expressionOf({ rules, selection, filter }: About): Expression {
  const parts: Expression[] = [
    ...(rules.length === 0 ? [] : [or(rules.map((rule) => parsePart({ rule }, 'rules')))]),
    ...(selection === undefined ? [] : [parsePart(selection, 'selection')]),
    ...(filter === undefined ? [] : [{ kind: 'not' as const, of: parsePart(filter, 'filter') }]),
  ];
  return and(parts);
}

/** Names that are no field of a finding. */
export function unknownFields(part: unknown): string[] {
  if (part === undefined) return [];
  return [...testsOf(parsePart(part, ''))].flatMap(({ field: name }) => (field(name) ? [] : [name ?? '']));
}

export const FIELD_NAMES = Object.keys(fields);
