// Writes names.sql from the kernel's headers (Debian: linux-libc-dev, and libaudit-dev for the record types of user space),
// read through the C preprocessor. Families of sockets are the C library's copy of the kernel's.
// Usage: node analytics/decode/reference/generate-names.mjs > analytics/decode/reference/names.sql
import { execFileSync } from 'node:child_process';

function defined(headers) {
  const include = headers.flatMap((header) => ['-include', header]);
  const text = execFileSync('cc', ['-E', '-dM', ...include, '-x', 'c', '/dev/null'], { encoding: 'utf8' });
  const macros = new Map([...text.matchAll(/^#define (\w+) +(.+)$/gm)].map(([, name, value]) => [name, value]));
  const resolve = (value, depth = 0) => {
    const plain = value.replace(/^\((.*)\)$/, '$1').replace(/(?<=^[0-9a-fx]+)[UL]+$/i, '');
    if (/^0[0-7]+$/.test(plain)) return BigInt(`0o${plain.slice(1)}`);
    if (/^(\d+|0x[0-9a-f]+)$/i.test(plain)) return BigInt(plain);
    const shift = /^1[UL]* ?<< ?(\d+)$/.exec(plain);
    if (shift) return 1n << BigInt(shift[1]);
    return macros.has(plain) && depth < 5 ? resolve(macros.get(plain), depth + 1) : undefined;
  };
  return [...macros].map(([name, value]) => ({ name, value: resolve(value) })).filter((m) => m.value !== undefined);
}

// A number has one name: where two are defined, the first in this order.
const preferred = [
  'EAGAIN',
  'EDEADLK',
  'SIGIO',
  'SIGABRT',
  'SIGSYS',
  'AF_UNIX',
  'AF_NETLINK',
  'AF_IB',
  'SIGCHLD',
  'EOPNOTSUPP',
];
function numbers(kind, pattern, except, ...headers) {
  const found = defined(headers).filter(({ name }) => pattern.test(name) && !except.test(name));
  found.sort((a, b) => preferred.indexOf(b.name) - preferred.indexOf(a.name) || (a.name < b.name ? -1 : 1));
  const byNumber = new Map();
  for (const { name, value } of found) if (!byNumber.has(value)) byNumber.set(value, name);
  return [...byNumber].sort(([a], [b]) => (a < b ? -1 : 1)).map(([n, name]) => `('${kind}',${n},'${name}')`);
}

// Flags of one bit each, by the place of the bit.
function bits(kind, pattern, except, headers, alter = {}) {
  const names = Array(64).fill('');
  const found = defined(headers).filter(({ name }) => pattern.test(name) && !except.test(name));
  for (const { name, value } of found.sort((a, b) => (a.name < b.name ? 1 : -1))) {
    if (value > 0n && (value & (value - 1n)) === 0n) names[value.toString(2).length - 1] = name;
  }
  for (const [at, name] of Object.entries(alter)) names[at] = name;
  return `('${kind}',[${names.map((name) => `'${name}'`).join(',')}])`;
}

const never = /^$/;
const numberRows = [
  ...numbers('errno', /^E[A-Z0-9]+$/, never, 'asm-generic/errno.h'),
  ...numbers('signal', /^SIG[A-Z0-9]+$/, /SIGRTM|SIGSTKSZ|SIGUNUSED/, 'asm-generic/signal.h'),
  ...numbers('family', /^AF_[A-Z0-9]+$/, /AF_MAX|AF_LOCAL|AF_FILE|AF_ROUTE/, 'sys/socket.h'),
  ...numbers('ptrace', /^PTRACE_[A-Z_]+$/, /_EVENT|_O_|SYSCALL_INFO_|_SHARED/, 'linux/ptrace.h', 'asm/ptrace-abi.h'),
  ...numbers(
    'prctl',
    /^PR_[GS]ET_[A-Z_]+$|^PR_CAPBSET_[A-Z]+$|^PR_CAP_AMBIENT$/,
    /_MM_|_TAGGED_|PTRACER_ANY|_VMA_/,
    'linux/prctl.h',
  ),
  ...numbers('record_type', /^AUDIT_[A-Z0-9_]+$/, /AUDIT_(FIRST|LAST)_|_MAX$/, 'libaudit.h', 'linux/audit.h')
    .map((row) => row.replace("'AUDIT_", "'"))
    .filter((row) => Number(row.split(',')[1]) >= 1005 && Number(row.split(',')[1]) < 3000),
];
// The two low bits are a number (added by the decoder); two flags hold a second bit that has a name of its own.
const open = ['-O_.*', /^O_[A-Z]+$/, /O_RDONLY|O_WRONLY|O_RDWR|O_ACCMODE|O_NDELAY/, ['asm-generic/fcntl.h']];
const openAlter = { 20: 'O_SYNC', 22: 'O_TMPFILE' };
// arch/arm(64)/include/uapi/asm/fcntl.h: four flags stand elsewhere than on x86.
const openArm = { ...openAlter, 14: 'O_DIRECTORY', 15: 'O_NOFOLLOW', 16: 'O_DIRECT', 17: 'O_LARGEFILE' };
const flagRows = [
  bits('capability', never, never, []),
  bits('open', open[1], open[2], open[3], openAlter),
  bits('open_arm', open[1], open[2], open[3], openArm),
  bits(
    'mount',
    /^MS_[A-Z]+$/,
    /MS_(ACTIVE|BORN|NOSEC|VERBOSE|KERNMOUNT|NOUSER|SUBMOUNT|NOREMOTELOCK|RMT_MASK|MGC_)|MS_I_VERSION/,
    ['linux/mount.h'],
  ),
  bits('umount', never, never, [], { 0: 'MNT_FORCE', 1: 'MNT_DETACH', 2: 'MNT_EXPIRE', 3: 'UMOUNT_NOFOLLOW' }),
  bits('clone', /^CLONE_[A-Z_]+$/, /CLONE_(CLEAR_SIGHAND|INTO_CGROUP|ARGS)/, ['linux/sched.h']),
  bits('prot', /^PROT_(READ|WRITE|EXEC|SEM|GROWSDOWN|GROWSUP)$/, never, ['asm-generic/mman-common.h']),
  bits('mmap', /^MAP_[A-Z0-9_]+$/, /MAP_(TYPE|FILE|HUGE_|SHARED_VALIDATE)/, ['linux/mman.h']),
  bits('memfd', /^MFD_[A-Z_]+$/, /MFD_HUGE_/, ['linux/memfd.h']),
];
const capabilities = defined(['linux/capability.h']).filter(
  ({ name, value }) => /^CAP_[A-Z_]+$/.test(name) && name !== 'CAP_LAST_CAP' && value < 64n,
);
flagRows[0] = bits(
  'capability',
  never,
  never,
  [],
  Object.fromEntries(capabilities.map(({ name, value }) => [value, name])),
);

process.stdout.write(`-- What numbers in audit records mean. Made by generate-names.mjs from the kernel's headers; do not edit.
CREATE TABLE IF NOT EXISTS audit_names (kind LowCardinality(String), number Int64, name LowCardinality(String))
ENGINE = ReplacingMergeTree ORDER BY (kind, number);
INSERT INTO audit_names VALUES
${numberRows.join(',\n')};
-- Flags by the place of their bit, 64 of them.
CREATE TABLE IF NOT EXISTS audit_flags (kind LowCardinality(String), names Array(String))
ENGINE = ReplacingMergeTree ORDER BY kind;
INSERT INTO audit_flags VALUES
${flagRows.join(',\n')};
`);
