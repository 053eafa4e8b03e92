// The audit daemon that other tests rely on: it writes what was started, rotates, survives kill -9, and leaves the kernel as it was.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isAvailable, startAuditd } from './auditd.ts';

// counters of what was lost and waited for are the kernel's and stay
const status = () =>
  ['-s', '-l']
    .map((flag) =>
      spawnSync('auditctl', [flag], { encoding: 'utf8' }).stdout.replace(/^(lost|backlog_wait_time_actual) \d+$/gm, ''),
    )
    .join('');

describe.skipIf(!isAvailable() && !process.env['CI'])('an audit daemon for tests', () => {
  it('writes the audited calls of what it was given, over rotations and a kill -9, and no others', async () => {
    const before = status();
    const auditd = await startAuditd({ maxLogMiB: 1, numLogs: 20 });
    try {
      auditd.audit('execve');
      await auditd.storm(1500);
      await auditd.rotate();
      await auditd.kill();
      await auditd.start();
      spawnSync('/bin/true', ['not-audited']);
      await auditd.storm(50, 200);
      await auditd.flushed();
      const log = auditd.files().map((path) => readFileSync(path, 'latin1'));
      expect(log.length).toBeGreaterThan(2);
      const programs = log.join('').match(/^type=EXECVE .*argc=3 a0="\/bin\/true"/gm);
      expect(programs).toHaveLength(1550);
      expect(log.join('')).not.toContain('not-audited');
    } finally {
      await auditd.stop();
    }
    expect(status()).toBe(before);
  });
});
