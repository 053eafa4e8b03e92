// product: linux, service: auditd. A rule is tested one audit record at a time: the SYSCALL, EXECVE and each PATH record
// of an event are rows of their own, so a0 of SYSCALL (a register) and a0 of EXECVE (an argument) are different things.
// Fields have the names of the record (https://github.com/linux-audit/audit-documentation/wiki/SPEC-Audit-Field-Dictionary).
import { sqlString } from '../../store/store.ts';
import type { Field, Sight } from '../compile/compile.ts';
import type { Expression } from '../language/expression.ts';
import { plainText } from '../language/pattern.ts';
import {
  EVENT_COLUMNS,
  EVENTS,
  eventKey,
  LINEAGE,
  lineageColumns,
  lineageFields,
  lineageJoins,
  lineageWords,
  seeLineage,
  whereOf,
} from './lineage.ts';
import { few, flag, many, ofFew, one, type RowOptions, type Source } from './source.ts';

const ARCH_NUMBER =
  "transform(a.arch, ['x86_64', 'i386', 'aarch64', 'arm'], ['c000003e', '40000003', 'c00000b7', '40000028'], '')";
const OTHER_ADDRESS = "trim(BOTH '\"' FROM a.fields['addr'])";

/** A field of a record, and where an event holds all that its records may have there. */
interface RecordField extends Field {
  readonly inEvent: readonly Field[];
  /** It is of the event, whatever the record. */
  readonly whole?: true;
}

// What a record of another type has.
const EMPTY = few("''");
const fewOr = (sql: string) => [few(sql), EMPTY];
const ofType = (type: string, value: string, inEvent: readonly Field[] = [one(value), EMPTY]): RecordField => ({
  ...one(`if(type = '${type}', ${value}, '')`),
  inEvent,
});
const ofPath = (value: (n: string) => string, inEvent: readonly Field[]) =>
  ofType('PATH', value('path_n'), [...inEvent, EMPTY]);
const ofRow = (row: Field, inEvent: Field): RecordField => ({ ...row, inEvent: [inEvent, EMPTY] });
const ofEvent = (row: Field): RecordField => ({ ...row, inEvent: [row], whole: true });
const idOf = (column: string) => `if(a.${column} = -1, '4294967295', toString(a.${column}))`;

/** As the record writes it; the enriched form of the same thing stands beside it. */
const columns: Record<string, RecordField> = {
  type: { ...one('type'), inEvent: [ofFew(many('a.record_types'))] },
  syscall: {
    ...many(`if(type = 'SYSCALL', [a.syscall_name, toString(a.syscall)], [])`),
    inEvent: [few('a.syscall_name'), few('toString(a.syscall)')],
  },
  SYSCALL: ofType('SYSCALL', 'a.syscall_name', fewOr('a.syscall_name')),
  arch: {
    ...many(`if(type = 'SYSCALL', [a.arch, ${ARCH_NUMBER}], [])`),
    inEvent: [few('a.arch'), few(ARCH_NUMBER)],
  },
  success: ofType('SYSCALL', 'a.success', fewOr('a.success')),
  exit: ofType('SYSCALL', 'toString(a.exit)'),
  ppid: ofType('SYSCALL', 'toString(a.ppid)'),
  tty: ofType('SYSCALL', "if(a.tty = '', '(none)', a.tty)"),
  comm: {
    ...one(`if(type = 'SYSCALL', a.comm, a.fields['comm'])`),
    inEvent: [few('a.comm'), one("a.fields['comm']")],
  },
  exe: {
    ...one(`if(type = 'SYSCALL' OR a.fields['exe'] != '', a.exe, '')`),
    inEvent: fewOr('a.exe'),
  },
  key: {
    ...many("if(type = 'SYSCALL', a.keys, [a.fields['key']])"),
    inEvent: [ofFew(many('a.keys')), one("a.fields['key']")],
  },
  argc: ofType('EXECVE', 'toString(length(a.argv))'),
  name: ofPath((n) => `a.path_names[${n}]`, [many('a.path_names')]),
  nametype: ofPath((n) => `a.path_types[${n}]`, [ofFew(many('a.path_types'))]),
  dev: ofPath((n) => `a.path_devs[${n}]`, [many('a.path_devs')]),
  // of a record too many there is none: 0
  inode: ofPath(
    (n) => `toString(a.path_inodes[${n}])`,
    [many('arrayMap(i -> toString(i), a.path_inodes)'), one("'0'")],
  ),
  mode: ofPath((n) => `a.path_modes[${n}]`, [many('a.path_modes')]),
  cwd: ofType('CWD', 'a.cwd'),
  proctitle: ofType('PROCTITLE', "arrayStringConcat(a.proctitle, ' ')"),
  auid: ofRow(one(`if(type IN ('SYSCALL') OR a.fields['auid'] != '', ${idOf('auid')}, '')`), few(idOf('auid'))),
  ses: ofRow(one(`if(type IN ('SYSCALL') OR a.fields['ses'] != '', ${idOf('ses')}, '')`), few(idOf('ses'))),
  ...Object.fromEntries(
    ['uid', 'gid', 'euid', 'egid'].map((name) => [name, ofType('SYSCALL', idOf(name), fewOr(idOf(name)))]),
  ),
  pid: ofRow(one(`if(type = 'SYSCALL' OR a.fields['pid'] != '', toString(a.pid), '')`), one('toString(a.pid)')),
  acct: ofRow(one("if(type = 'SYSCALL', '', a.acct)"), few('a.acct')),
  op: ofRow(one("if(type = 'SYSCALL', '', a.op)"), few('a.op')),
  addr: ofRow(one(`if(type = 'SYSCALL', '', ${OTHER_ADDRESS})`), one(OTHER_ADDRESS)),
  'vestige.syscall': ofEvent(few('a.syscall_name')),
  'vestige.call_flags': {
    ...many("if(type = 'SYSCALL', mapValues(a.arg_names), [])"),
    inEvent: [ofFew(many('mapValues(a.arg_names)'))],
  },
  'vestige.addr': ofType('SOCKADDR', 'a.addr'),
  'vestige.port': ofType('SOCKADDR', 'toString(a.port)'),
  'vestige.oversized': ofEvent(ofFew(flag('a.oversized'))),
};

function field(name: string | undefined): Field | undefined {
  if (name === undefined) return { ...one('line'), from: 'raw' };
  if (name.startsWith('vestige.')) return columns[name] ?? lineageFields[name];
  const known = columns[name] ?? argument(name);
  if (!/^[\w-]+$/.test(name)) return undefined;
  const pattern = sqlString(`(?:^|[ '])${name}=("[^"]*"|'[^']*'|[^ ']*)`);
  const present = { sql: `match(line, ${pattern})`, from: 'raw' as const };
  if (known) return { ...known, present };
  return { sql: `trim(BOTH '"' FROM extract(line, ${pattern}))`, many: false, from: 'raw', present };
}

/** Presence is read from the bytes, whatever the field. */
const withoutPresence = (known: Field): Field => ({ ...known, present: { ...known.present, from: 'raw' } });

/** A line is a part of its record's bytes. */
const LINE = { fields: [], whole: false, inBytes: true } as const;

const see: Sight = (name) => {
  if (name === undefined) return LINE;
  const known = columns[name] ?? argument(name);
  if (known) return { fields: known.inEvent.map(withoutPresence), whole: known.whole === true };
  return seeLineage(name);
};

function argument(name: string): RecordField | undefined {
  const n = /^a(\d{1,4})$/.exec(name)?.[1];
  if (n === undefined) return undefined;
  const at = Number(n) + 1;
  const ofRecord = one(`multiIf(type = 'EXECVE', a.argv[${at}], type = 'SYSCALL', a.args[${at}], '')`);
  // of all arguments at once: where it stands is told by the record
  return { ...ofRecord, inEvent: [many('a.argv'), many('a.args'), EMPTY] };
}

// Lines stand in the order of record_types: both come from the event's records in order of arrival (analytics/decode).
const withRaw = (keys: string) => `
INNER JOIN
(
    SELECT cluster, node, event_key,
        arrayFlatten(arrayMap(x -> splitByChar('\\n', x.2), arraySort(x -> x.1, groupUniqArray((seq, raw))))) AS all_lines,
        if(uniqExact(digest) > 1, arrayDistinct(all_lines), all_lines) AS lines
    FROM records_all
    WHERE source = 'auditd' AND event_key IN (${keys})
    GROUP BY cluster, node, event_key
) AS r ON r.cluster = a.cluster AND r.node = a.node AND r.event_key = a.event_key`;

export const auditd: Source = {
  name: 'linux auditd',
  layer: 'auditd',
  accepts: ({ product, service, category }) =>
    service === 'auditd' && category === undefined && (product ?? 'linux') === 'linux',
  constraint: () => undefined,
  field,
  partOf: typeOf,
  events: { ...EVENTS, see, from: (within) => `(SELECT * FROM auditd FINAL WHERE ${within}) AS a` },
  rows: ({ joins, rawFor, part, parts, within = '1', among, isFew }) => ({
    columns: `${EVENT_COLUMNS},
    ${rawFor === undefined ? '' : 'r.lines[n] AS line,'}
    ${joins.has(LINEAGE) ? lineageColumns : NO_LINEAGE},
    map('syscall', a.syscall_name, 'argv', arrayStringConcat(a.argv, ' '), 'path', a.path_names[-1], 'key', a.keys[1],
        'name', if(type = 'PATH', a.path_names[path_n], ''), 'address', a.addr, 'acct', a.acct, 'from', a.fields['addr'], ${joins.has(LINEAGE) ? lineageWords : NO_WORDS}) AS words`,
    from: `
(
    SELECT *, ${eventKey} AS event_key, record.1 AS n, record.2 AS type, record.3 AS path_n
    FROM (SELECT * FROM auditd FINAL ${whereOf(within, among)} AND ${part === undefined ? '1' : `arrayExists(t -> ${isType('t', part)}, record_types)`})
    ARRAY JOIN ${recordsOf(part, parts)} AS record
) AS a ${joins.has(LINEAGE) ? lineageJoins(within, among, isFew) : ''} ${rawFor === undefined ? '' : withRaw(rawFor)}`,
  }),
};

const isType = (type: string, part: string) => `lowerUTF8(${type}) = ${sqlString(part)}`;

/** Place, type and number among the paths of an event's records. What is not asked for is left out before rows are made of them. */
function recordsOf(part: string | undefined, parts: RowOptions['parts']): string {
  const all =
    "arrayZip(arrayEnumerate(record_types), record_types, arrayCumSum(arrayMap(t -> t = 'PATH', record_types)))";
  // what has the same serial in another boot is tested, too
  const wanted =
    part !== undefined
      ? [isType('r.2', part)]
      : parts?.map((one) => `(${isType('r.2', one.part)} AND serial IN (SELECT serial FROM (${one.among})))`);
  return wanted === undefined ? all : `arrayFilter(r -> ${wanted.join(' OR ')}, ${all})`;
}

/** The one type of records that a condition asks for. Of an event's records most are of other types than a rule's own. */
function typeOf(condition: Expression): string | undefined {
  switch (condition.kind) {
    case 'test': {
      const { field: name, match } = condition;
      return name === 'type' && match.kind === 'pattern' ? plainText(match.pattern)?.toLowerCase() : undefined;
    }
    case 'and':
      return condition.of.map(typeOf).find((type) => type !== undefined);
    case 'or': {
      const [first, ...others] = condition.of.map(typeOf);
      return others.every((type) => type === first) ? first : undefined;
    }
    case 'not':
      return undefined;
  }
}

const NO_LINEAGE = "'' AS process_key, '' AS container_id, '' AS namespace, '' AS pod, '' AS pod_uid";
const NO_WORDS = "'node', a.node, 'place', concat('on node ', a.node), 'comm', a.comm, 'exe', a.exe";
