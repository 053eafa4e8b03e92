// The categories of Sigma's Linux rules as views over auditd and what is known of processes: process_creation,
// network_connection, and the file categories. One row an audit event. Image is every name the program goes by: its
// file, the name it was called by (a busybox applet is /bin/busybox and /bin/wget), so that a rule finds either.

import { isOutside } from '../../networks.ts';
import type { Field, FieldLookup, Sight } from '../compile/compile.ts';
import {
  EVENT_COLUMNS,
  EVENTS,
  eventKey,
  hostPaths,
  LINEAGE,
  lineageColumns,
  lineageFields,
  lineageJoins,
  lineageWords,
  seeLineage,
  whereOf,
} from './lineage.ts';
import { few, flag, many, number, ofFew, one, type Source, text } from './source.ts';

const lookup = (fields: Record<string, Field>) => (name: string | undefined) => {
  if (name === undefined)
    return one(
      "concat(a.comm, ' ', a.exe, ' ', arrayStringConcat(a.argv, ' '), ' ', arrayStringConcat(a.path_names, ' '))",
    );
  return fields[name] ?? lineageFields[name];
};

const common: Record<string, Field> = {
  ProcessId: number('a.pid'),
  ParentProcessId: number('a.ppid'),
  LogonId: ofFew(number('a.ses')),
  User: ofFew(many("[if(a.uid = 0, 'root', toString(a.uid))]")),
  ParentImage: one('pp.exe', LINEAGE),
  ParentCommandLine: one("arrayStringConcat(pp.argv, ' ')", LINEAGE),
  'vestige.comm': few('a.comm'),
  'vestige.exe': few('a.exe'),
  'vestige.uid': ofFew(number('a.uid')),
  'vestige.euid': ofFew(number('a.euid')),
  'vestige.auid': ofFew(number('a.auid')),
  'vestige.key': ofFew(many('a.keys')),
  'vestige.success': few('a.success'),
};

interface View {
  name: string;
  categories: Record<string, string | undefined>;
  where: string;
  /** Columns of the event alone, which its fields use, those of few values by name; then those that use what is joined. */
  columns: string;
  few?: readonly string[];
  late?: string;
  words: string;
  fields: Record<string, Field>;
}

const view = ({ name, categories, where, columns, few: own = [], late = '', words, fields }: View): Source => {
  const field = lookup({ ...common, ...fields });
  const eventsOf = (within: string, among?: string) =>
    `(SELECT a.*, ${eventKey} AS event_key, ${columns} FROM (SELECT * FROM auditd FINAL ${whereOf(within, among)} AND ${where}) AS a) AS a`;
  return {
    name: `linux ${name}`,
    layer: 'auditd',
    accepts: ({ product, category, service }) =>
      product === 'linux' &&
      (service === undefined || (service === 'auditd' && category !== undefined)) &&
      Object.hasOwn(categories, category ?? ''),
    constraint: ({ category }) => categories[category ?? ''],
    field,
    events: { ...EVENTS, few: [...EVENTS.few, ...own], see: sightOf(field), from: eventsOf },
    // views have no bytes of their own: no field of theirs is raw
    rows: ({ within = '1', among, isFew }) => ({
      columns: `${EVENT_COLUMNS}, ${late}
    ${lineageColumns},
    map(${words}, ${lineageWords}) AS words`,
      from: `${eventsOf(within, among)} ${lineageJoins(within, among, isFew)}`,
    }),
  };
};

/** Of what is joined an event tells nothing. */
const sightOf =
  (field: FieldLookup): Sight =>
  (name) => {
    const known = field(name);
    return seeLineage(name) ?? (known && known.join === undefined ? { fields: [known], whole: true } : undefined);
  };

// What a shell at once fails to find on its path is no start of a process.
export const processCreation = view({
  name: 'process_creation',
  // rules for no log in particular look for words: of what they may find, command lines are what auditd has
  categories: { process_creation: undefined, '': undefined },
  where: "syscall_name IN ('execve', 'execveat') AND success != 'no'",
  columns: `
    arrayStringConcat(a.argv, ' ') AS command_line,
    arrayDistinct(arrayFilter(f -> f != '', [a.exe,
        if(a.path_names[1] = '/proc/self/exe', concat('/', arrayElement(splitByChar('/', a.argv[1]), -1)), a.path_names[1])])) AS images`,
  late: `
    ${hostPaths("extractAll(arrayStringConcat(a.argv, ' '), '(/[^\\\\s\"\\'();|&<>]*)')")} AS host_paths,`,
  words: "'argv', command_line, 'program', images[-1], 'host_path', host_paths[1]",
  fields: {
    Image: many('images'),
    CommandLine: one('command_line'),
    CurrentDirectory: one('a.cwd'),
    'vestige.argv': many('a.argv'),
    'vestige.argv0': one('a.argv[1]'),
    'vestige.file': one('a.path_names[1]'),
    'vestige.syscall': few('a.syscall_name'),
    'vestige.host_path': many('host_paths', LINEAGE),
  },
});

const flagsOf = (n: number) => `reinterpretAsUInt64(reverse(unhex(leftPad(a.args[${n}], 16, '0'))))`;

export const files = view({
  name: 'files',
  few: ['operation'],
  categories: {
    file_event: "operation IN ('create', 'write', 'rename')",
    file_change: "operation IN ('write', 'attributes')",
    file_rename: "operation = 'rename'",
    file_delete: "operation = 'delete'",
    file_access: "operation = 'read'",
  },
  where:
    "notEmpty(path_names) AND success = 'yes' AND syscall_name NOT IN ('execve', 'execveat', 'connect', 'mount', 'umount2', 'pivot_root', 'setns')",
  columns: `
    -- the second argument of open, the third of openat holds O_WRONLY 1, O_RDWR 2, O_CREAT 0100, O_TRUNC 01000
    multiIf(a.syscall_name IN ('open', 'creat'), ${flagsOf(2)}, a.syscall_name IN ('openat', 'openat2'), ${flagsOf(3)}, 0) AS open_flags,
    multiIf(has(a.path_types, 'DELETE') AND has(a.path_types, 'CREATE'), 'rename', has(a.path_types, 'DELETE'), 'delete',
            has(a.path_types, 'CREATE'), 'create',
            a.syscall_name IN ('open', 'openat', 'openat2'), if(bitAnd(open_flags, 3) != 0 OR bitAnd(open_flags, 512) != 0, 'write', 'read'),
            a.syscall_name IN ('truncate', 'ftruncate', 'creat'), 'write',
            match(a.syscall_name, '^f?l?(ch(mod|own)|setxattr|removexattr)'), 'attributes', 'other') AS operation,
    arrayMap(f -> if(startsWith(f, '/') OR a.cwd = '', f, concat(trimRight(a.cwd, '/'), '/', f)),
        arrayFilter((f, kind) -> kind != 'PARENT' AND f != '', a.path_names, a.path_types)) AS files`,
  late: `
    ${hostPaths('files')} AS host_paths,`,
  words:
    "'path', files[-1], 'operation', operation, 'host_path', host_paths[-1], 'argv', arrayStringConcat(p.argv, ' '), 'program', a.exe",
  fields: {
    TargetFilename: many('files'),
    Image: ofFew(many("arrayDistinct([a.exe, concat('/', a.comm)])")),
    CommandLine: one("arrayStringConcat(p.argv, ' ')", LINEAGE),
    CurrentDirectory: one('a.cwd'),
    'vestige.operation': few('operation'),
    'vestige.syscall': few('a.syscall_name'),
    'vestige.host_path': many('host_paths', LINEAGE),
  },
});

export const networkConnection = view({
  name: 'network_connection',
  few: ['outcome', 'outside'],
  categories: { network_connection: undefined },
  // without a wait a connect "fails" with EINPROGRESS (-115) and goes on
  where: "syscall_name = 'connect' AND addr_family IN ('inet', 'inet6') AND (isIPv4String(addr) OR isIPv6String(addr))",
  columns: `
    multiIf(a.success = 'yes', 'open', a.exit = -115, 'under way', 'failed') AS outcome,
    ${isOutside('a.addr')} AS outside`,
  words: "'address', a.addr, 'port', toString(a.port), 'argv', arrayStringConcat(p.argv, ' '), 'program', a.exe",
  fields: {
    DestinationIp: one('a.addr'),
    DestinationPort: text('a.port'),
    Initiated: few("'true'"),
    Image: ofFew(many("arrayDistinct([a.exe, concat('/', a.comm)])")),
    CommandLine: one("arrayStringConcat(p.argv, ' ')", LINEAGE),
    'vestige.outcome': few('outcome'),
    'vestige.outside': ofFew(flag('outside')),
    'vestige.destination': one("concat(a.addr, ':', toString(a.port))"),
  },
});
