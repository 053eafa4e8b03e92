// What an import makes of a log of auditd, and how that differs from what a collector made of it.
import { createHash } from 'node:crypto';
import { createAuditEventFramer } from '../../frame/audit-events.ts';
import { emptyHeader, readAuditHeader } from '../../frame/audit-header.ts';

export const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Digests of the records of a log that holds nothing else than lines of auditd. */
export function framedLog(log: Buffer): string[] {
  const framer = createAuditEventFramer();
  const header = emptyHeader();
  const digests: string[] = [];
  for (let from = 0, to = log.indexOf(10); to !== -1; from = to + 1, to = log.indexOf(10, from)) {
    if (!readAuditHeader(log, from, to, header))
      throw new Error(`no line of auditd: ${log.toString('latin1', from, to)}`);
    for (const { bytes } of framer.push(log, from, to, header, from)) digests.push(digestOf(bytes));
  }
  for (const { bytes } of framer.end()) digests.push(digestOf(bytes));
  return digests;
}

/** Digests that are there less often than expected, and more often. */
export function compareDigests(
  is: readonly string[],
  expected: readonly string[],
): { lost: string[]; added: string[] } {
  const counts = new Map<string, number>();
  for (const one of is) counts.set(one, (counts.get(one) ?? 0) + 1);
  for (const one of expected) counts.set(one, (counts.get(one) ?? 0) - 1);
  const of = (sign: number) => [...counts].filter(([, n]) => Math.sign(n) === sign).map(([digest]) => digest);
  return { lost: of(-1), added: of(1) };
}
