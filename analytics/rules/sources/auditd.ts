// product: linux, service: auditd. A rule is tested one audit record at a time: the SYSCALL, EXECVE and each PATH record
// of an event are rows of their own, so a0 of SYSCALL (a register) and a0 of EXECVE (an argument) are different things.
// Fields have the names of the record (https://github.com/linux-audit/audit-documentation/wiki/SPEC-Audit-Field-Dictionary).
import { sqlString } from '../../store/store.ts';
import type { Field } from '../compile/compile.ts';
import type { Expression } from '../language/expression.ts';
import { plainText } from '../language/pattern.ts';
import {
  EVENT_COLUMNS,
  eventKey,
  LINEAGE,
  lineageColumns,
  lineageFields,
  lineageJoins,
  lineageWords,
} from './lineage.ts';
import { flag, many, one, type Source } from './source.ts';

const ofType = (type: string, value: string) => `if(type = '${type}', ${value}, '')`;
const id = (column: string) => ofType('SYSCALL', `if(a.${column} = -1, '4294967295', toString(a.${column}))`);

/** As the record writes it; the enriched form of the same thing stands beside it. */
const columns: Record<string, Field> = {
  type: one('type'),
  syscall: many(`if(type = 'SYSCALL', [a.syscall_name, toString(a.syscall)], [])`),
  SYSCALL: one(ofType('SYSCALL', 'a.syscall_name')),
  arch: many(
    `if(type = 'SYSCALL', [a.arch, transform(a.arch, ['x86_64', 'i386', 'aarch64', 'arm'], ['c000003e', '40000003', 'c00000b7', '40000028'], '')], [])`,
  ),
  success: one(ofType('SYSCALL', 'a.success')),
  exit: one(ofType('SYSCALL', 'toString(a.exit)')),
  ppid: one(ofType('SYSCALL', 'toString(a.ppid)')),
  tty: one(ofType('SYSCALL', "if(a.tty = '', '(none)', a.tty)")),
  comm: one(`if(type = 'SYSCALL', a.comm, a.fields['comm'])`),
  exe: one(`if(type = 'SYSCALL' OR a.fields['exe'] != '', a.exe, '')`),
  key: many("if(type = 'SYSCALL', a.keys, [a.fields['key']])"),
  argc: one(ofType('EXECVE', 'toString(length(a.argv))')),
  name: one(ofType('PATH', 'a.path_names[path_n]')),
  nametype: one(ofType('PATH', 'a.path_types[path_n]')),
  dev: one(ofType('PATH', 'a.path_devs[path_n]')),
  inode: one(ofType('PATH', 'toString(a.path_inodes[path_n])')),
  mode: one(ofType('PATH', 'a.path_modes[path_n]')),
  cwd: one(ofType('CWD', 'a.cwd')),
  proctitle: one(ofType('PROCTITLE', "arrayStringConcat(a.proctitle, ' ')")),
  auid: one(`if(type IN ('SYSCALL') OR a.fields['auid'] != '', if(a.auid = -1, '4294967295', toString(a.auid)), '')`),
  ses: one(`if(type IN ('SYSCALL') OR a.fields['ses'] != '', if(a.ses = -1, '4294967295', toString(a.ses)), '')`),
  ...Object.fromEntries(['uid', 'gid', 'euid', 'egid'].map((name) => [name, one(id(name))])),
  pid: one(`if(type = 'SYSCALL' OR a.fields['pid'] != '', toString(a.pid), '')`),
  acct: one("if(type = 'SYSCALL', '', a.acct)"),
  op: one("if(type = 'SYSCALL', '', a.op)"),
  addr: one("if(type = 'SYSCALL', '', trim(BOTH '\"' FROM a.fields['addr']))"),
  'vestige.syscall': one('a.syscall_name'),
  'vestige.call_flags': many("if(type = 'SYSCALL', mapValues(a.arg_names), [])"),
  'vestige.addr': one(ofType('SOCKADDR', 'a.addr')),
  'vestige.port': one(ofType('SOCKADDR', 'toString(a.port)')),
  'vestige.oversized': flag('a.oversized'),
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

function argument(name: string): Field | undefined {
  const n = /^a(\d{1,4})$/.exec(name)?.[1];
  if (n === undefined) return undefined;
  const at = Number(n) + 1;
  return one(`multiIf(type = 'EXECVE', a.argv[${at}], type = 'SYSCALL', a.args[${at}], '')`);
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
  rows: ({ joins, rawFor, part, within = '1' }) => ({
    columns: `${EVENT_COLUMNS},
    ${rawFor === undefined ? '' : 'r.lines[n] AS line,'}
    ${joins.has(LINEAGE) ? lineageColumns : NO_LINEAGE},
    map('syscall', a.syscall_name, 'argv', arrayStringConcat(a.argv, ' '), 'path', a.path_names[-1], 'key', a.keys[1],
        'name', if(type = 'PATH', a.path_names[path_n], ''), 'address', a.addr, 'acct', a.acct, 'from', a.fields['addr'], ${joins.has(LINEAGE) ? lineageWords : NO_WORDS}) AS words`,
    from: `
(
    SELECT *, ${eventKey} AS event_key, n, type, path_n
    FROM (SELECT * FROM auditd FINAL WHERE ${within} AND ${part === undefined ? '1' : `arrayExists(t -> ${isType('t', part)}, record_types)`})
    ARRAY JOIN arrayEnumerate(record_types) AS n, record_types AS type, arrayCumSum(arrayMap(t -> t = 'PATH', record_types)) AS path_n
    WHERE ${part === undefined ? '1' : isType('type', part)}
) AS a ${joins.has(LINEAGE) ? lineageJoins(within) : ''} ${rawFor === undefined ? '' : withRaw(rawFor)}`,
  }),
};

const isType = (type: string, part: string) => `lowerUTF8(${type}) = ${sqlString(part)}`;

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
