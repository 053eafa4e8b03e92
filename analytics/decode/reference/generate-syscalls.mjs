// Writes syscalls.sql from the kernel's headers (Debian: linux-libc-dev, linux-libc-dev-armhf-cross), read through the C preprocessor.
// Usage: node analytics/decode/reference/generate-syscalls.mjs > analytics/decode/reference/syscalls.sql
import { execFileSync } from 'node:child_process';

// The number auditd prints for an architecture, and the header that holds its system calls.
const architectures = [
  { audit: 'c000003e', name: 'x86_64', header: 'asm/unistd_64.h' },
  { audit: '40000003', name: 'i386', header: 'asm/unistd_32.h' },
  { audit: 'c00000b7', name: 'aarch64', header: 'asm-generic/unistd.h' },
  { audit: '40000028', name: 'arm', header: 'asm/unistd.h', root: '/usr/arm-linux-gnueabihf/include' },
];

// What arch/arm64/include/uapi/asm/unistd.h asks of the generic table.
const ARM64 = ['NEW_STAT', 'RENAMEAT', 'SET_GET_RLIMIT', 'TIME32_SYSCALLS', 'SYS_CLONE3', 'MEMFD_SECRET']
  .map((call) => `-D__ARCH_WANT_${call}`)
  .concat('-D__BITS_PER_LONG=64');

const rows = architectures.flatMap(({ audit, header, root }) => {
  const machine = root === undefined ? ARM64 : ['-nostdinc', '-isystem', root, '-D__ARM_EABI__'];
  const text = execFileSync('cc', ['-E', '-dM', ...machine, '-include', header, '-x', 'c', '/dev/null'], {
    encoding: 'utf8',
  });
  const plain = text.replaceAll(/\(__NR_SYSCALL_BASE ?\+ ?(\d+)\)/g, '$1');
  const defined = new Map([...plain.matchAll(/^#define (\S+) (\S+)$/gm)].map(([, name, value]) => [name, value]));
  const resolve = (value) =>
    /^\d+$/.test(value) ? Number(value) : defined.has(value) ? resolve(defined.get(value)) : undefined;
  return [...defined]
    .filter(([name]) => /^__NR3?264_|^__NR_/.test(name))
    .map(([name, value]) => ({ name: name.replace(/^__NR_|^__NR3264_/, ''), number: resolve(value) }))
    .filter(
      ({ name, number }) =>
        number !== undefined && !['syscalls', 'syscall_max', 'arch_specific_syscall', 'SYSCALL_BASE'].includes(name),
    )
    .sort((a, b) => a.number - b.number || a.name.localeCompare(b.name))
    .filter((row, i, all) => all[i - 1]?.number !== row.number)
    .map(({ name, number }) => `('${audit}',${number},'${name}')`);
});

process.stdout.write(`-- System call names by architecture. Made by generate-syscalls.mjs from the kernel's headers; do not edit.
CREATE TABLE IF NOT EXISTS syscall_names (arch LowCardinality(String), number Int32, name LowCardinality(String))
ENGINE = ReplacingMergeTree ORDER BY (arch, number);
INSERT INTO syscall_names VALUES
${rows.join(',\n')};
`);
