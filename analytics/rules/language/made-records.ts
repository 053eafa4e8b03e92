// Audit records from the short forms that cases of rules are written in: `exec: cat /etc/shadow` is the SYSCALL, EXECVE,
// CWD and PATH records that the kernel writes of it (kernel/auditsc.c), on x86_64.
import { isIPv4 } from 'node:net';
import { z } from 'zod';

const Caller = {
  /** The program; its name is `comm` unless said otherwise. */
  exe: z.string().optional(),
  comm: z.string().optional(),
  uid: z.int().min(0).default(0),
  auid: z.int().min(0).optional(),
  pid: z.int().min(1).default(2001),
  ppid: z.int().min(1).default(2000),
  success: z.boolean().default(true),
};

/** Words apart by blanks, or a list where arguments hold some. */
const Words = z.union([z.string().transform((text) => text.split(' ')), z.array(z.coerce.string())]);

const Exec = z.preprocess(
  (value) => (typeof value === 'string' || Array.isArray(value) ? { argv: value } : value),
  z.strictObject({ ...Caller, argv: Words, file: z.string().optional(), cwd: z.string().default('/') }),
);

/** `to` is `address:port`, `[address]:port` or the path of a socket. */
const Connect = z.strictObject({
  ...Caller,
  exe: z.string(),
  to: z.string(),
  result: z.enum(['open', 'under way', 'refused', 'timed out']).default('open'),
});
const Bind = z.strictObject({ ...Caller, exe: z.string(), to: z.string() });

const FILE_CALLS = {
  read: { number: 257, args: 'a0=ffffff9c a1=55ec9b616700 a2=0 a3=0', exit: 3, types: ['NORMAL'] },
  write: { number: 257, args: 'a0=ffffff9c a1=55ec9b616700 a2=401 a3=0', exit: 3, types: ['NORMAL'] },
  truncate: { number: 257, args: 'a0=ffffff9c a1=55ec9b616700 a2=201 a3=0', exit: 3, types: ['NORMAL'] },
  create: { number: 257, args: 'a0=ffffff9c a1=55ec9b616700 a2=241 a3=1b6', exit: 3, types: ['PARENT', 'CREATE'] },
  delete: { number: 263, args: 'a0=ffffff9c a1=55ec9b616700 a2=0 a3=0', exit: 0, types: ['PARENT', 'DELETE'] },
  rename: { number: 82, args: 'a0=55ec9b616700 a1=55ec9b616800 a2=0 a3=0', exit: 0, types: ['DELETE', 'CREATE'] },
  chmod: { number: 268, args: 'a0=ffffff9c a1=55ec9b616700 a2=9ed a3=0', exit: 0, types: ['NORMAL'] },
  chown: { number: 260, args: 'a0=ffffff9c a1=55ec9b616700 a2=0 a3=0', exit: 0, types: ['NORMAL'] },
  setxattr: { number: 188, args: 'a0=55ec9b616700 a1=55ec9b616800 a2=55ec9b616900 a3=14', exit: 0, types: ['NORMAL'] },
  utimes: { number: 280, args: 'a0=ffffff9c a1=55ec9b616700 a2=7ffd0c452560 a3=0', exit: 0, types: ['NORMAL'] },
  link: { number: 266, args: 'a0=55ec9b616700 a1=ffffff9c a2=55ec9b616800 a3=0', exit: 0, types: ['PARENT', 'CREATE'] },
} as const;
type FileCall = keyof typeof FILE_CALLS;

const File = z.strictObject({
  ...Caller,
  exe: z.string(),
  path: z.string(),
  /** Where a renamed file was, where a link leads. */
  from: z.string().optional(),
  what: z.enum(Object.keys(FILE_CALLS) as [FileCall, ...FileCall[]]),
  cwd: z.string().default('/'),
  mode: z.string().default('0100644'),
});

const CALLS = {
  socket: 41,
  ptrace: 101,
  setuid: 105,
  setresuid: 117,
  capset: 126,
  personality: 135,
  pivot_root: 155,
  chroot: 161,
  mount: 165,
  umount2: 166,
  init_module: 175,
  delete_module: 176,
  clock_settime: 227,
  kexec_load: 246,
  keyctl: 250,
  unshare: 272,
  perf_event_open: 298,
  open_by_handle_at: 304,
  setns: 308,
  process_vm_writev: 311,
  finit_module: 313,
  memfd_create: 319,
  bpf: 321,
  userfaultfd: 323,
  io_uring_setup: 425,
} as const;
type CallName = keyof typeof CALLS;

/** Any other call; arguments are registers, in hex. */
const Call = z.strictObject({
  ...Caller,
  exe: z.string(),
  name: z.enum(Object.keys(CALLS) as [CallName, ...CallName[]]),
  args: z.array(z.coerce.string()).max(4).default([]),
  exit: z.int().default(0),
  /** PATH records of it. */
  paths: z.array(z.string()).default([]),
});

/** A record that a program of user space writes: sshd of a login, auditd of its rules. */
const User = z.strictObject({
  type: z.string(),
  op: z.string().default('login'),
  acct: z.string().default('root'),
  exe: z.string().default('/usr/sbin/sshd'),
  addr: z.string().default('?'),
  res: z.enum(['success', 'failed']).default('success'),
  auid: z.int().min(0).optional(),
  /** In place of all that: what stands after the stamp. */
  text: z.string().optional(),
});

export const MadeRecord = z.strictObject({
  exec: Exec.optional(),
  connect: Connect.optional(),
  bind: Bind.optional(),
  file: File.optional(),
  call: Call.optional(),
  user: User.optional(),
});
export type MadeRecord = z.infer<typeof MadeRecord>;

/** 2026-11-23T13:11:40Z, an hour in which nothing happened. */
export const CASE_START_S = 1_795_439_500;

/** The records of one event, lines joined; undefined when no form is given. */
export function madeRecord(made: MadeRecord, serial: number, atS: number): string | undefined {
  const stamp = `msg=audit(${(CASE_START_S + atS).toFixed(3)}:${serial}):`;
  const lines = linesOf(made);
  return lines?.map(({ type, body }) => `type=${type} ${stamp} ${body}`).join('\n');
}

type Line = { type: string; body: string };

function linesOf({ exec, connect, bind, file, call, user }: MadeRecord): Line[] | undefined {
  if (exec) return execLines(exec);
  if (connect) return connectLines(connect);
  if (bind) {
    const calling = { number: 49, args: 'a0=3 a1=7ffd0c452560 a2=10 a3=0', exit: 0, items: 0, key: 'network' };
    return [syscallLine(bind, calling), { type: 'SOCKADDR', body: `saddr=${socketAddress(bind.to)}` }];
  }
  if (file) return fileLines(file);
  if (call) return callLines(call);
  return user && [userLine(user)];
}

function execLines(exec: z.infer<typeof Exec>): Line[] {
  const [called = ''] = exec.argv;
  const file = exec.file ?? (called.startsWith('/') ? called : `/usr/bin/${called}`);
  const args = exec.argv.map((arg, n) => `a${n}=${untrusted(arg)}`).join(' ');
  return [
    syscallLine(
      { ...exec, exe: exec.exe ?? file, comm: exec.comm ?? nameOf(file) },
      { number: 59, args: 'a0=55ec9b616600 a1=55ec9b616700 a2=55ec9b616800 a3=0', exit: 0, items: 1, key: 'exec' },
    ),
    { type: 'EXECVE', body: `argc=${exec.argv.length} ${args}` },
    { type: 'CWD', body: `cwd=${untrusted(exec.cwd)}` },
    pathLine(0, file, 'NORMAL', '0100755'),
  ];
}

const CONNECT_EXITS = { open: 0, 'under way': -115, refused: -111, 'timed out': -110 };

function connectLines(connect: z.infer<typeof Connect>): Line[] {
  const exit = CONNECT_EXITS[connect.result];
  const calling = { number: 42, args: 'a0=3 a1=7ffd0c452560 a2=10 a3=0', exit, items: 0, key: 'network' };
  return [
    syscallLine({ ...connect, success: exit === 0 }, calling),
    { type: 'SOCKADDR', body: `saddr=${socketAddress(connect.to)}` },
  ];
}

function fileLines(file: z.infer<typeof File>): Line[] {
  const { number, args, exit, types } = FILE_CALLS[file.what];
  const pathOf = (type: string) => {
    if (type === 'PARENT') return file.path.replace(/\/[^/]*$/, '/') || '.';
    return type === 'DELETE' && file.what === 'rename' ? (file.from ?? `${file.path}.new`) : file.path;
  };
  return [
    syscallLine(file, { number, args, exit, items: types.length, key: 'files' }),
    { type: 'CWD', body: `cwd=${untrusted(file.cwd)}` },
    ...types.map((type, n) => pathLine(n, pathOf(type), type, type === 'PARENT' ? '040755' : file.mode)),
  ];
}

function callLines(call: z.infer<typeof Call>): Line[] {
  const args = [0, 1, 2, 3].map((n) => `a${n}=${call.args[n] ?? '0'}`).join(' ');
  const exit = call.success ? call.exit : -1;
  return [
    syscallLine(call, { number: CALLS[call.name], args, exit, items: call.paths.length, key: 'calls' }),
    ...call.paths.map((path, n) => pathLine(n, path, 'NORMAL', '0100644')),
  ];
}

function userLine({ type, op, acct, exe, addr, res, auid = UNSET, text }: z.infer<typeof User>): Line {
  const message = `op=${op} acct="${acct}" exe="${exe}" hostname=${addr} addr=${addr} terminal=ssh res=${res}`;
  return { type, body: text ?? `pid=1900 uid=0 auid=${auid} ses=${UNSET} msg='${message}'` };
}

const UNSET = 4_294_967_295;

interface Calling {
  number: number;
  args: string;
  exit: number;
  items: number;
  key: string;
}

type Called = Omit<z.infer<typeof Bind>, 'to'>;

function syscallLine(by: Called, { number, args, exit, items, key }: Calling): Line {
  const { success, ppid, pid, uid, auid, exe } = by;
  const ids = ['uid', 'gid', 'euid', 'suid', 'fsuid', 'egid', 'sgid', 'fsgid'].map((id) => `${id}=${uid}`).join(' ');
  const who = `ppid=${ppid} pid=${pid} auid=${auid ?? UNSET} ${ids} tty=(none) ses=${auid === undefined ? UNSET : 3}`;
  const name = untrusted((by.comm ?? nameOf(exe)).slice(0, 15)); // TASK_COMM_LEN
  const outcome = `success=${success ? 'yes' : 'no'} exit=${success || exit < 0 ? exit : -13}`;
  return {
    type: 'SYSCALL',
    body: `arch=c000003e syscall=${number} ${outcome} ${args} items=${items} ${who} comm=${name} exe=${untrusted(exe)} key="${key}"`,
  };
}

const pathLine = (item: number, path: string, nametype: string, mode: string): Line => ({
  type: 'PATH',
  body: `item=${item} name=${untrusted(path)} inode=${1000 + item} dev=00:b4 mode=${mode} ouid=0 ogid=0 rdev=00:00 nametype=${nametype}`,
});

const nameOf = (path: string) => path.split('/').at(-1) ?? '';

/** As audit_log_untrustedstring writes it: quoted, or in hex when it holds a quote, a blank or what is no ASCII. */
const untrusted = (text: string) =>
  /^[!#-~]*$/.test(text) ? `"${text}"` : Buffer.from(text).toString('hex').toUpperCase();

function socketAddress(to: string): string {
  const [, bracketed, plain, port = ''] = /^(?:\[(.*)\]|([^/:]*)):(\d+)$/.exec(to) ?? [];
  const hex = (n: number, digits: number) => n.toString(16).padStart(digits, '0').toUpperCase();
  if (bracketed !== undefined) return `0A00${hex(Number(port), 4)}00000000${ipv6Hex(bracketed)}00000000`;
  if (plain !== undefined && isIPv4(plain)) {
    const address = plain.split('.').map((part) => hex(Number(part), 2));
    return `0200${hex(Number(port), 4)}${address.join('')}0000000000000000`;
  }
  return `0100${Buffer.from(`${to}\0`).toString('hex').toUpperCase()}`;
}

function ipv6Hex(address: string): string {
  const [head = '', tail] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const missing = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...missing, ...right].map((group) => group.padStart(4, '0').toUpperCase()).join('');
}
