// The audit daemon that other tests rely on: it writes what was started, rotates, survives kill -9, and leaves the kernel as it was.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isAvailable, OWN_RULE_KEY, startAuditd } from './auditd.ts';

const auditctl = (flag: string) => spawnSync('auditctl', [flag], { encoding: 'utf8' }).stdout;

describe.skipIf(!isAvailable() && !process.env['CI'])('an audit daemon for tests', () => {
  it('writes the audited calls of what it was given, over rotations and a kill -9, and no others', async () => {
    const auditd = await startAuditd({ maxLogMiB: 1, numLogs: 20 });
    let pid = 0;
    try {
      auditd.audit('execve');
      await auditd.storm(1500);
      await auditd.rotate();
      await auditd.kill();
      await auditd.start();
      spawnSync('/bin/true', ['not-audited']);
      await auditd.storm(50, 200);
      await auditd.flushed();
      pid = auditd.pid();
      expect(auditctl('-l')).toContain(OWN_RULE_KEY);
      const log = auditd.files().map((path) => readFileSync(path, 'latin1'));
      expect(log.length).toBeGreaterThan(2);
      const programs = log.join('').match(/^type=EXECVE .*argc=3 a0="\/bin\/true"/gm);
      expect(programs).toHaveLength(1550);
      expect(log.join('')).not.toContain('not-audited');
    } finally {
      await auditd.stop();
    }
    // by now another suite may have its turn
    expect(auditctl('-l')).not.toContain(OWN_RULE_KEY);
    expect(auditctl('-s')).not.toContain(`pid ${pid}\n`);
    expect(existsSync(auditd.directory)).toBe(false);
  });
});
