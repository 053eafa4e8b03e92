// A real audit daemon under a storm of execve, its log rotated again and again, and the collector killed with -9 at any moment: what lies in its
// spool afterwards is what an import of the whole log makes of it, record for record.

import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import type { RecordEntry } from '../../spool/entry.ts';
import { type Program, startProgram } from '../../transport/https/test-support/start-program.ts';
import { readSpool } from '../k8s-audit/test-support/spool-place.ts';
import { type Auditd, isAvailable, startAuditd } from '../test-support/auditd.ts';
import type { CollectorProcessOptions } from '../test-support/collector-process.ts';
import { compareDigests, digestOf, framedLog } from '../test-support/framed-log.ts';
import { readUpToEnd } from '../test-support/read-up-to.ts';

const PROGRAM = new URL('../test-support/collector-process.ts', import.meta.url);
const KILLS = Number(process.env['VESTIGE_KILLS'] ?? 12);
const PROGRAMS = 2_500;

const directory = mkdtempSync(join(tmpdir(), 'vestige-auditd-kill-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const collect = (path: string, spool: string): Promise<Program> => {
  const options: CollectorProcessOptions = { kind: 'auditd-log', path, spool };
  return startProgram(PROGRAM, options, directory);
};
async function endWith(program: Program, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  program.process.kill(signal);
  const { code, err, signal: by } = await program.ended;
  expect(by === 'SIGKILL' || code === 0, err).toBe(true);
}
const wholeLog = (auditd: Auditd) => Buffer.concat(auditd.files().map((path) => readFileSync(path)));
function idOf(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev}:${ino}`;
}
const inSpool = async (spool: string): Promise<RecordEntry[]> =>
  (await readSpool(spool)).filter(({ meta }) => meta.source === 'auditd');

describe.skipIf(!isAvailable() && !process.env['CI'])('the collector of auditd’s log', () => {
  it(`killed ${KILLS} times in a storm of ${PROGRAMS} programs has every event once`, async () => {
    const auditd = await startAuditd({ maxLogMiB: 1, numLogs: 99 });
    const spool = join(directory, 'killed');
    const moments: number[] = [];
    try {
      auditd.audit('execve', 'openat');
      // from here on there is a place to go on from: what was rotated before a first start is left to an import
      const first = await collect(auditd.logFile, spool);
      await readUpToEnd(first, auditd.logFile);
      await endWith(first, 'SIGKILL');
      let stormEnds = false;
      const storm = auditd.storm(PROGRAMS, 500).finally(() => {
        stormEnds = true;
      });
      for (let i = 0; i < KILLS || !stormEnds; i++) {
        const program = await collect(auditd.logFile, spool);
        const ms = Math.round(100 + Math.random() * (stormEnds ? 300 : 1_000));
        await sleep(ms);
        await endWith(program, 'SIGKILL');
        moments.push(ms);
      }
      await storm;
      await auditd.flushed();
      const last = await collect(auditd.logFile, spool);
      await readUpToEnd(last, auditd.logFile);
      await endWith(last, 'SIGTERM');
      const files = auditd.files().length;
      const expected = framedLog(wholeLog(auditd));
      const records = await inSpool(spool);
      console.info(
        `killed ${moments.length} times, ${files} files of log, ${expected.length} records, ${records.length} in the spool`,
      );
      expect(files).toBeGreaterThan(4);
      expect(expected.length).toBeGreaterThan(PROGRAMS);
      const digests = records.map(({ raw }) => digestOf(raw));
      expect(compareDigests(digests, expected), `killed after ${moments.join(', ')} ms`).toEqual({
        lost: [],
        added: [],
      });
      // where a record stands can be found in the file it names
      const logs = new Map(auditd.files().map((path) => [idOf(path), readFileSync(path)]));
      const misplaced = records.filter(({ raw, meta }) => {
        const line = raw.subarray(0, raw.indexOf(10) === -1 ? raw.length : raw.indexOf(10));
        const there = logs.get(meta.attrs['file'] ?? '')?.subarray(meta.position, meta.position + line.length);
        return there?.equals(line) !== true;
      });
      expect(misplaced.map(({ meta }) => [meta.position, meta.attrs])).toEqual([]);
      const withPid = records.filter(({ raw }) => raw.includes(' pid='));
      expect(withPid.filter(({ meta }) => meta.attrs['container_from'] === undefined)).toEqual([]);
      expect(new Set(records.map(({ meta }) => meta.attrs['file'])).size).toBeGreaterThan(4);
    } finally {
      await auditd.stop();
    }
  });
});
