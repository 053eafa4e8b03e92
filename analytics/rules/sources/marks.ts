// What lists say of an event (analytics/lists), for any source: fields, a join, and words for sentences around what the source has itself.
import type { Field, Sight } from '../compile/compile.ts';
import { testsOf } from '../language/expression.ts';
import type { Rule } from '../language/rule.ts';
import { many, type RowOptions, type Rows, type Source } from './source.ts';

const MARKS = 'marks';

const fields: Record<string, Field> = {
  'vestige.indicator': many('mark_indicators', MARKS),
  'vestige.indicator_type': many('mark_types', MARKS),
  'vestige.indicator_place': many('mark_places', MARKS),
  'vestige.indicator_list': many('mark_lists', MARKS),
  'vestige.disallowed_images': many('mark_disallowed', MARKS),
  'vestige.retagged_images': many('mark_retagged', MARKS),
  'vestige.retagged_kind': many('mark_tag_kinds', MARKS),
  'vestige.retagged_by': many('mark_tag_places', MARKS),
};

/** How a row of each layer is named by its mark. */
const KEYS: Record<Source['layer'], string> = {
  'k8s-audit': 'mark_cluster = k.cluster AND mark_key = k.audit_id',
  auditd: 'mark_cluster = a.cluster AND mark_node = a.node AND mark_key = a.event_key',
  runtime: `mark_cluster = r.cluster AND mark_node = r.node
    AND mark_key = concat(toString(r.time), '/', r.topic, '/', r.container_id, if(r.exec_id = '', '', concat('/', r.exec_id)))`,
};

/** Only what is marked has any of it; in auditd by serial, which an event of another boot may share. */
const isMarked: Record<Source['layer'], string> = {
  'k8s-audit': "audit_id IN (SELECT event_key FROM event_marks FINAL WHERE layer = 'k8s-audit')",
  auditd:
    "a.serial IN (SELECT toUInt64OrZero(splitByChar(':', event_key)[-1]) FROM event_marks FINAL WHERE layer = 'auditd')",
  runtime: '1',
};

const ofKind = (column: string, kind: string) => `arrayDistinct(groupArrayIf(${column}, kind = '${kind}'))`;

const join = (layer: Source['layer']) => `
LEFT JOIN
(
    SELECT cluster AS mark_cluster, node AS mark_node, event_key AS mark_key,
        ${ofKind('value', 'indicator')} AS mark_indicators, ${ofKind('type', 'indicator')} AS mark_types,
        ${ofKind('place', 'indicator')} AS mark_places, ${ofKind('list', 'indicator')} AS mark_lists,
        ${ofKind('observed', 'indicator')} AS mark_observed, ${ofKind('note', 'indicator')} AS mark_notes,
        ${ofKind('value', 'image-not-allowed')} AS mark_disallowed,
        ${ofKind('value', 'image-retagged')} AS mark_retagged, ${ofKind('type', 'image-retagged')} AS mark_tag_kinds,
        ${ofKind('place', 'image-retagged')} AS mark_tag_places, ${ofKind('note', 'image-retagged')} AS mark_tag_notes
    FROM (SELECT * FROM event_marks FINAL WHERE layer = '${layer}' ORDER BY value, type, place, observed, list)
    GROUP BY mark_cluster, mark_node, mark_key
) AS marks ON ${KEYS[layer]}`;

const words = Object.entries({
  indicator: 'mark_indicators',
  indicator_list: 'mark_lists',
  indicator_note: "arrayFilter(n -> n != '', mark_notes)",
  observed: 'mark_observed',
  disallowed_images: 'mark_disallowed',
  retagged_images: 'mark_retagged',
  retagged: 'mark_tag_notes',
})
  .map(([name, list]) => `'${name}', arrayStringConcat(${list}, ', ')`)
  .join(', ');

/** Whether a rule asks what lists say: events need no marks without. */
export const asksMarks = (rule: Rule): boolean =>
  rule.kind === 'event' && [...testsOf(rule.condition)].some((test) => Object.hasOwn(fields, test.field ?? ''));

/** A source whose rows also know what lists say of them. */
export function withMarks(source: Source): Source {
  const { events } = source;
  const see: Sight = (name) =>
    fields[name ?? ''] ? { fields: [], whole: false, onlyIf: isMarked[source.layer] } : events?.see(name);
  return {
    ...source,
    ...(events ? { events: { ...events, see } } : {}),
    field: (name) => (name === undefined ? undefined : fields[name]) ?? source.field(name),
    rows: (options: RowOptions): Rows => {
      const rows = source.rows(options);
      if (!options.joins.has(MARKS)) return rows;
      const columns = rows.columns.trimEnd().replace(/ AS words$/, ' AS own_words');
      if (!columns.endsWith(' AS own_words')) throw new TypeError(`${source.name}: its columns do not end with words`);
      return {
        columns: `${columns}, mapUpdate(own_words, map(${words})) AS words`,
        from: `${rows.from}${join(source.layer)}`,
      };
    },
  };
}
