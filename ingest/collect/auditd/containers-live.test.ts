// From a system call in a container to the container's id in the envelope: a real auditd, a real containerd, the collector between them and a spool.
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import type { RecordEntry } from '../../spool/entry.ts';
import { openSpoolPlace, readSpool } from '../k8s-audit/test-support/spool-place.ts';
import { type Auditd, isAvailable, startAuditd } from '../test-support/auditd.ts';
import { isAvailable as isContainerdAvailable, runContainer, startContainerd } from '../test-support/containerd.ts';
import { createAuditdFollower } from './follow-auditd.ts';

const ID = 'f00dfeed0123456789abcdef0123456789abcdef0123456789abcdef01234567';
const CGROUPS = ['unified', 'pids', ''].map((name) => join('/sys/fs/cgroup', name));

// the collector runs in this process: nothing may block it
const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), 'vestige-live-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What the collector made of what happened meanwhile. */
async function collected(auditd: Auditd, happens: () => Promise<void>): Promise<RecordEntry[]> {
  const spool = mkdtempSync(join(directory, 'spool-'));
  const place = await openSpoolPlace(spool);
  const collecting = createAuditdFollower({ path: auditd.logFile })(place);
  await auditd.flushed();
  await happens();
  await auditd.flushed();
  await sleep(500);
  place.end();
  await collecting;
  await place.close();
  return await readSpool(spool);
}
const attrsOf = (records: readonly RecordEntry[], text: string) =>
  records.find(({ raw }) => raw.includes(text))?.meta.attrs;

describe.skipIf(!isAvailable() && !process.env['CI'])('the envelope of an audit event', () => {
  it('says whether its process is in a container or on the host', async () => {
    const cgroup = join(
      CGROUPS.find((one) => existsSync(join(one, 'cgroup.procs'))) ?? '',
      `cri-containerd-${ID}.scope`,
    );
    mkdirSync(cgroup, { recursive: true });
    const auditd = await startAuditd({ format: 'ENRICHED', node: 'worker-1' });
    try {
      auditd.audit('execve');
      const records = await collected(auditd, async () => {
        const enter = `echo $$ >${cgroup}/cgroup.procs; exec /bin/sleep 0.731`;
        await run(...auditd.audited('/bin/sh', '-c', enter));
        await run(...auditd.audited('/bin/sleep', '0.732'));
      });
      expect(attrsOf(records, 'a1="0.731"')).toMatchObject({ container_from: 'cgroup', container_id: ID });
      expect(attrsOf(records, 'a1="0.732"')).toMatchObject({ container_from: 'host' });
      // as the lines themselves say
      expect(new Set(records.map(({ meta }) => meta.node))).toEqual(new Set(['worker-1']));
    } finally {
      await auditd.stop();
      rmdirSync(cgroup);
    }
  });

  it.skipIf(!isContainerdAvailable())(
    'names a real container by its id, and says the cgroup of one with a name',
    async () => {
      const auditd = await startAuditd();
      const path = process.env['PATH'] ?? '';
      try {
        auditd.audit('execve');
        // containerd, its shims and containers are what is audited
        const [command, args] = auditd.audited(spawnSync('which', ['containerd'], { encoding: 'utf8' }).stdout.trim());
        writeFileSync(join(directory, 'containerd'), `#!/bin/sh\nexec ${command} ${args.join(' ')} "$@"\n`);
        chmodSync(join(directory, 'containerd'), 0o755);
        process.env['PATH'] = `${directory}${delimiter}${path}`;
        const containerd = await startContainerd();
        process.env['PATH'] = path;
        try {
          const name = `vestige-${process.pid}`;
          const records = await collected(auditd, async () => {
            const busy = (n: number) => ['sh', '-c', `for i in 1 2 3; do /bin/busybox sleep 0.${n}$i; done`];
            await runContainer(containerd, { id: ID, args: busy(41) });
            await runContainer(containerd, { id: name, args: busy(51) });
          });
          for (const n of [1, 2, 3]) {
            expect(attrsOf(records, `"0.41${n}"`)).toMatchObject({ container_from: 'cgroup', container_id: ID });
            expect(attrsOf(records, `"0.51${n}"`)).toMatchObject({
              container_from: 'unknown',
              cgroup: expect.stringContaining(name),
            });
          }
        } finally {
          await containerd.stop();
        }
      } finally {
        process.env['PATH'] = path;
        await auditd.stop();
      }
    },
  );
});
