// product: vestige, service: baselines. What was new for a workload, a node's program or a principal when it appeared (analytics/baselines), one row an
// event and kind. Vestige's own log source: rules choose of what is new and how improbable what they tell. By category, for an event is of one layer:
// activity (what processes did), api (what was asked of the API server), image (what the runtime ran).
import { flag, many, one, type Source, text } from './source.ts';

const fields = {
  kind: one('kind'),
  value: one('value'),
  subject: one('subject'),
  subject_kind: one('subject_kind'),
  reason: one('reason'),
  score: text('score'),
  surprise: text('surprise'),
  rarity: text('rarity'),
  shown_by: text('shown_by'),
  learned_for: text('learned_for'),
  of_rollout: flag('of_rollout'),
  kept_out: flag('kept_out'),
  also: many('also'),
  node: one('of_node'),
  namespace: one('namespace'),
  pod: one('pod'),
  container_id: one('container_id'),
  principal: one('principal'),
} as const;

const KINDS_IN_WORDS = `transform(kind,
        ['exec', 'spawn', 'peer', 'socket', 'listen', 'write', 'syscall', 'api', 'api-refused', 'api-namespace', 'address', 'agent', 'image', 'image-version'],
        ['program', 'program started by another', 'peer', 'socket', 'listening port', 'directory written', 'system call', 'request', 'refused request', 'namespace', 'address', 'client program', 'image', 'version of an image'],
        toString(kind))`;

const novelties = (layer: Source['layer'], category: string): Source => ({
  name: `baselines ${category}`,
  layer,
  isSmall: true,
  accepts: (logsource) =>
    logsource.product === 'vestige' && logsource.service === 'baselines' && logsource.category === category,
  constraint: () => undefined,
  field: (name) =>
    name === undefined
      ? one("concat(subject, ' ', kind, ' ', value)")
      : Object.entries(fields).find(([key]) => key === name)?.[1],
  rows: () => ({
    columns: `
    cluster, node, time, event_key, event_id, [digest] AS digests, principal, namespace, pod, pod_uid, container_id, process_key, of_node,
    map('subject', subject, 'kind', ${KINDS_IN_WORDS}, 'value', value, 'score', toString(score), 'node', of_node, 'principal', principal,
        'days', toString(intDiv(learned_for, 24)), 'shown_by', toString(shown_by), 'subjects', toString(subjects),
        'why', multiIf(reason = 'rejected', 'an analyst rejected it',
                       reason = 'alike', 'it is new itself, and none of those alike showed it before',
                       concat('not seen there in ', if(learned_for < 48, concat(toString(learned_for), ' hours'), concat(toString(intDiv(learned_for, 24)), ' days')), ' of watching')),
        'others', multiIf(reason = 'rejected', '', shown_by = 0, 'no other shows it', concat(toString(shown_by), ' of ', toString(subjects), ' others show it')),
        'place', multiIf(pod != '', concat('in pod ', namespace, '/', pod), container_id != '', concat('in container ', substring(container_id, 1, 12)), of_node != '', concat('on node ', of_node), '')) AS words`,
    // of what one event shows of a kind the least probable; a Kubernetes event is of no node
    from: `
(
    SELECT * REPLACE (if(layer = 'k8s-audit', '', toString(node)) AS node), toString(node) AS of_node,
        arraySort(groupUniqArray(toString(kind)) OVER (PARTITION BY cluster, node, event_key)) AS also
    FROM (SELECT * FROM novelties FINAL WHERE layer = '${layer}')
    ORDER BY score DESC, subject, value
    LIMIT 1 BY cluster, of_node, event_key, kind
)`,
  }),
});

/** Sources over novelties: rules of theirs run when baselines are known, which are made of what other rules find. */
export const NOVELTY_SOURCES: readonly Source[] = [
  novelties('auditd', 'activity'),
  novelties('k8s-audit', 'api'),
  novelties('runtime', 'image'),
];
