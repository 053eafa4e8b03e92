// product: vestige, service: gaps. What is known to be missing of the records (analytics/entities/gaps), so that a rule can
// say what happened before they fell silent. Vestige's own log source; a gap begins where its last record before it was.
import type { Field } from '../compile/compile.ts';
import { number, one, type Source } from './source.ts';

const fields: Record<string, Field> = {
  /** Which records are missing: auditd, k8s-audit, runtime. */
  source: one('g.source'),
  kind: one('g.kind'),
  detail: one('g.detail'),
  /** The most that can be missing; no value where nobody can know. */
  missing: number('g.missing'),
  seconds: one("toString(dateDiff('second', g.first_seen, g.last_seen))"),
  'vestige.node': one('g.node'),
};

export const gaps: Source = {
  name: 'vestige gaps',
  // a gap is of a node, as auditd's events are
  layer: 'auditd',
  isSmall: true,
  accepts: ({ product, service, category }) => product === 'vestige' && service === 'gaps' && category === undefined,
  constraint: () => undefined,
  field: (name) => (name === undefined ? one("concat(g.source, ' ', g.kind, ' ', g.detail)") : fields[name]),
  rows: () => ({
    columns: `
    g.cluster AS cluster, g.node AS node, g.first_seen AS time,
    concat('gap/', g.source, '/', g.kind, '/', toString(g.first_seen)) AS event_key,
    event_key AS event_id,
    g.digests AS digests,
    '' AS principal, '' AS namespace, '' AS pod, '' AS pod_uid, '' AS container_id, '' AS process_key,
    map('gap', g.kind, 'of', g.source, 'detail', g.detail, 'missing', if(g.missing = -1, '', toString(g.missing)),
        'node', g.node, 'place', concat('on node ', g.node), 'until', formatDateTime(g.last_seen, '%Y-%m-%dT%H:%i:%SZ')) AS words`,
    from: '(SELECT * FROM gaps FINAL) AS g',
  }),
};
