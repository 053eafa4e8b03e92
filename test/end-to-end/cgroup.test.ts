// From a system call in a container to the container of its event in the store: a real auditd and containerd, the collector between them and the
// store, and nothing of the runtime's own records. What is of the container is told by the program: its busybox lies elsewhere than the node's.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { buildEntities } from '../../analytics/entities/entities.ts';
import { connect } from '../../analytics/store/connect.ts';
import { createAuditdFollower } from '../../ingest/collect/auditd/follow-auditd.ts';
import { openSpoolPlace, readSpool } from '../../ingest/collect/k8s-audit/test-support/spool-place.ts';
import { type Auditd, isAvailable, startAuditd } from '../../ingest/collect/test-support/auditd.ts';
import {
  type Containerd,
  isAvailable as isContainerdAvailable,
  runContainer,
  startContainerd,
} from '../../ingest/collect/test-support/containerd.ts';
import { createDeliveryLoader } from '../../ingest/load/delivery-loader.ts';
import { createStoreSink } from '../../ingest/transport/store-sink.ts';

const IDS = ['1', '2', '3'].map((digit) => digit.repeat(64));
const directory = mkdtempSync(join(tmpdir(), 'vestige-cgroup-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** containerd, its shims and containers are what is audited. */
async function startAudited(auditd: Auditd): Promise<Containerd> {
  const path = process.env['PATH'] ?? '';
  const [command, args] = auditd.audited(spawnSync('which', ['containerd'], { encoding: 'utf8' }).stdout.trim());
  writeFileSync(join(directory, 'containerd'), `#!/bin/sh\nexec ${command} ${args.join(' ')} "$@"\n`);
  chmodSync(join(directory, 'containerd'), 0o755);
  process.env['PATH'] = `${directory}${delimiter}${path}`;
  try {
    return await startContainerd();
  } finally {
    process.env['PATH'] = path;
  }
}

const available = (isAvailable() && isContainerdAvailable()) || process.env['CI'] === 'true';
describe.skipIf(!available)('containers that the collector saw', () => {
  it('have every event of their processes, however short they live, and no event of the node', async () => {
    const auditd = await startAuditd();
    try {
      auditd.audit('execve', 'connect', 'openat');
      const containerd = await startAudited(auditd);
      const spool = mkdtempSync(join(directory, 'spool-'));
      const place = await openSpoolPlace(spool);
      const collecting = createAuditdFollower({ path: auditd.logFile })(place);
      try {
        // a loop of programs that live for a millisecond each, and one that opens a file after another
        const script =
          'for i in 1 2 3 4 5 6 7 8; do /bin/busybox true; done; read x </etc/hostname; /bin/busybox sleep 0.1';
        await Promise.all(IDS.map((id) => runContainer(containerd, { id, args: ['sh', '-c', script] })));
        await auditd.flushed();
        await sleep(500);
      } finally {
        place.end();
        await collecting;
        await place.close();
        await containerd.stop();
      }
      const store = await connect(`embedded:${join(directory, 'store')}`, 'test');
      try {
        const sink = createStoreSink('test', await createDeliveryLoader(store));
        await sink.send(await readSpool(spool));
        await sink.close();
        await buildEntities(store, 1);
        const rows = await store.rows(`
          SELECT a.exe = '/bin/busybox' AS inside, e.container_id AS container, e.method AS method, count() AS events
          FROM events AS e FINAL INNER JOIN (SELECT * FROM auditd FINAL) AS a ON a.digests[1] = e.digest
          WHERE e.layer = 'auditd' GROUP BY ALL ORDER BY ALL`);
        const inside = rows.filter((row) => row['inside']);
        expect(new Set(inside.map((row) => row['container']))).toEqual(new Set(IDS));
        expect(inside.map((row) => row['method'])).toContain('cgroup');
        expect(inside.reduce((sum, row) => sum + Number(row['events']), 0)).toBeGreaterThan(IDS.length * 10);
        const known = await store.rows(
          "SELECT container_id FROM containers FINAL WHERE has(known_by, 'cgroup') AND has(known_by, 'auditd')",
        );
        expect(known.map((row) => row['container_id']).sort()).toEqual(IDS);
        // runc in the container's cgroup is the container's setup; what else runs is the node's
        const outside = await store.rows(`
          SELECT DISTINCT a.comm AS comm FROM events AS e FINAL INNER JOIN (SELECT * FROM auditd FINAL) AS a ON a.digests[1] = e.digest
          WHERE e.layer = 'auditd' AND e.container_id != '' AND a.exe NOT IN ('/bin/busybox', '/')`);
        expect(outside.filter((row) => !/^(runc|exe$|\\d+$)/.test(String(row['comm'])))).toEqual([]);
      } finally {
        await store.close();
      }
    } finally {
      await auditd.stop();
    }
  }, 120_000);
});
