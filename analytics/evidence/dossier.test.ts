import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../store/store.ts';
import { type Dossier, readDossier } from './dossier.ts';
import { dossierMarkdown } from './dossier-markdown.ts';
import { placeHold } from './hold.ts';
import { openTestStore, scalar, type TestStore } from './testing.ts';

const ID = 'c'.repeat(64);
const BARE = 'd'.repeat(64);
const key = { cluster: 'prod', node: 'n1', container_id: ID };
const now = new Date('2026-11-20T00:00:00Z');
const hostile = ['sh', '-c', '`rm` | tee\n# Owned\n<script>alert(1)</script> [x](javascript:y) \u001b[2J\u202e'];

let test: TestStore;
let store: Store;
let dossier: Dossier;

const at = (second: number) => `toDateTime64('2026-11-01 10:00:${String(second).padStart(2, '0')}', 9, 'UTC')`;
const digest = (name: string) => `toFixedString(SHA256('${name}'), 32)`;

/** One auditd event of the container's process `key`, in its typed row and its attribution. */
async function auditdEvent(
  serial: number,
  process: string,
  columns: Record<string, string>,
  confidence = 1,
): Promise<void> {
  const names = Object.keys(columns);
  await store.run(
    `INSERT INTO auditd (cluster, node, time, serial, digests, exe, version, ${names.join(', ')})
     SELECT 'prod', 'n1', ${at(20 + serial)}, ${serial}, [${digest(`event-${serial}`)}], '/bin/sh', 1, ${Object.values(columns).join(', ')}`,
  );
  await store.run(
    `INSERT INTO attributions (cluster, node, time, serial, process_key, container_id, method, confidence, version)
     SELECT 'prod', 'n1', ${at(20 + serial)}, ${serial}, '${process}', '${ID}', 'descent', ${confidence}, 1`,
  );
}

async function fill(): Promise<void> {
  await store.run(
    `INSERT INTO containers (cluster, node, container_id, kind, container_name, namespace, pod, pod_uid, image, args, env_names, mount_sources, mount_targets, privileged, created_at, started_at, ended_at, exit_status, digests, version)
     SELECT 'prod', 'n1', '${ID}', 'container', 'app', 'shop', 'web-1', 'uid-1', 'img:1', ['sleep', '1 h'], ['SECRET'], ['/'], ['/host'], true, ${at(10)}, ${at(11)}, ${at(50)}, 137, [${digest('doc')}], 1`,
  );
  await store.run(
    `INSERT INTO containers (cluster, node, container_id, kind, created_at, exit_status, version) SELECT 'prod', 'n1', '${BARE}', 'container', ${at(10)}, -1, 1`,
  );
  await store.run(
    `INSERT INTO pods (cluster, pod_uid, namespace, pod, node, ips, owner_kind, owner_name, created_by, digests, version)
     SELECT 'prod', 'uid-1', 'shop', 'web-1', 'n1', ['10.0.0.5'], 'ReplicaSet', 'web', 'controller', [${digest('pod')}], 1`,
  );
  await store.run(
    `INSERT INTO processes (cluster, node, process_key, pid, ppid, parent_key, first_seen, exe, argv, container_id, method, confidence, setup, digests, version)
     SELECT 'prod', 'n1', 'p1', 10, 1, '', ${at(12)}, '/bin/sh', {argv:Array(String)}, '${ID}', 'runtime-pid', toFloat32(1), false, [${digest('p1')}], 1
     UNION ALL SELECT 'prod', 'n1', 'p2', 11, 10, 'p1', ${at(13)}, '/bin/id', ['id'], '${ID}', 'descent', toFloat32(0.9), false, [${digest('p2')}], 1
     UNION ALL SELECT 'prod', 'n1', 'runc', 9, 1, '', ${at(9)}, '/runc', ['runc'], '${ID}', 'setup', toFloat32(1), true, [], 1`,
    { argv: hostile },
  );
  const request = (audit: string, verb: string, resource: string, name: string, owner: string, second: number) =>
    `SELECT 'prod', ${at(second)}, '${audit}', 'ResponseComplete', '${verb}', 'user-${audit}', ['10.9.9.9'], 'kubectl', '${resource}', 'shop', '${name}', 201, '${owner === '' ? '' : 'ReplicaSet'}', '${owner}', ${digest(audit)}, 1`;
  await store.run(
    `INSERT INTO k8s_audit (cluster, time, audit_id, stage, verb, username, source_ips, user_agent, resource, namespace, name, code, owner_kind, owner_name, digest, version)
     ${request('a-pod', 'create', 'pods', 'web-1', 'web', 9)} UNION ALL ${request('a-list', 'list', 'secrets', '', '', 30)} UNION ALL ${request('a-other', 'list', 'secrets', '', '', 31)}`,
  );
  await store.run(
    `INSERT INTO callers (cluster, audit_id, pod_uid, container_id, method, confidence, version)
     SELECT 'prod', 'a-list', 'uid-1', '${ID}', 'bound-token', 1, 1 UNION ALL SELECT 'prod', 'a-other', 'uid-2', 'other', 'bound-token', 1, 1`,
  );
  await auditdEvent(1, 'p1', {
    syscall_name: "'openat'",
    args: "['ffffff9c', '0', '241', '1b6']",
    path_names: "['etc', 'etc/cron.d/job']",
    path_types: "['PARENT', 'CREATE']",
    cwd: "'/host'",
    success: "'yes'",
  });
  await auditdEvent(2, 'p1', {
    syscall_name: "'openat'",
    args: "['ffffff9c', '0', '80000', '0']",
    path_names: "['/etc/passwd']",
    path_types: "['NORMAL']",
    success: "'yes'",
  });
  await auditdEvent(3, 'p1', {
    syscall_name: "'open'",
    args: "['7f0', '401', '0', '0']",
    path_names: "['/var/log/x']",
    path_types: "['NORMAL']",
    success: "'yes'",
  });
  await auditdEvent(4, 'p1', {
    syscall_name: "'unlink'",
    args: "['0', '0', '0', '0']",
    path_names: "['/tmp', '/tmp/gone']",
    path_types: "['PARENT', 'DELETE']",
    success: "'yes'",
  });
  await auditdEvent(
    5,
    'p2',
    {
      syscall_name: "'connect'",
      addr_family: "'inet'",
      addr: "'203.0.113.9'",
      port: '4444',
      success: "'no'",
      exit: '-115',
    },
    0.5,
  );
  await auditdEvent(6, 'runc', {
    syscall_name: "'openat'",
    args: "['0', '0', '1', '0']",
    path_names: "['/run/node-file']",
    path_types: "['NORMAL']",
    success: "'yes'",
  });
  await auditdEvent(7, 'p1', {
    syscall_name: "'openat'",
    args: "['0', '0', '1', '0']",
    path_names: "['/denied']",
    path_types: "['NORMAL']",
    success: "'no'",
  });
}

beforeAll(async () => {
  test = await openTestStore();
  store = test.store;
  await fill();
  const read = await readDossier(store, key, now);
  if (!read) throw new Error('the container is not found');
  dossier = read;
});
afterAll(() => test.remove());

describe('a dossier', () => {
  it('tells who created the pod and how far back the records go', () => {
    expect(dossier.creations.map((c) => [c.kind, c.name, c.request?.principal ?? null])).toEqual([
      ['Pod', 'web-1', 'user-a-pod'],
      ['ReplicaSet', 'web', null],
    ]);
    expect(dossier.unknown).toContain('creator of ReplicaSet web: its create request is not in the records');
  });

  it('lists files that were changed, not those read, refused, or touched by the runtime', () => {
    expect(dossier.files.map((f) => [f.path, f.operations.join()])).toEqual([
      ['/host/etc/cron.d/job', 'created'],
      ['/var/log/x', 'opened for writing'],
      ['/tmp/gone', 'deleted'],
    ]);
  });

  it('lists connections and API calls of this container alone, each with its digest', async () => {
    expect(dossier.connections).toMatchObject([
      { direction: 'out', addr: '203.0.113.9', port: 4444, outcomes: ['in progress'] },
    ]);
    expect(dossier.connections[0]?.digests).toEqual([await scalar(store, `lower(hex(${digest('event-5')}))`)]);
    expect(dossier.api_calls).toMatchObject([
      { audit_id: 'a-list', principal: 'user-a-list', method: 'bound-token', from_container: true },
    ]);
  });

  it('says how sure the attribution is and what was not recorded', () => {
    expect(dossier.attribution).toEqual([{ method: 'descent', events: 7, lowest_confidence: 0.5 }]);
    expect(dossier.unknown.join('\n')).toContain('least certain has confidence 0.5');
    expect(dossier.truncated).toEqual([]);
  });

  it('says of a container of which only the id is known that nothing else is', async () => {
    const bare = await readDossier(store, { ...key, container_id: BARE }, now);
    const unknown = bare?.unknown.join('\n') ?? '';
    for (const word of ['image:', 'pod: no record', 'start: not seen', 'end: not seen', 'processes: no auditd event']) {
      expect(unknown).toContain(word);
    }
    expect(await readDossier(store, { ...key, container_id: 'none' }, now)).toBeUndefined();
  });

  it('as Markdown lets nothing of a record out of its code span', () => {
    const text = dossierMarkdown(dossier);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(text.split('\n').filter((line) => line.startsWith('# '))).toEqual([`# Container \`${ID}\``]);
    const outside = text.replaceAll(/(`+)(?!`).+?(?<!`)\1(?!`)/g, '');
    expect(outside).not.toMatch(/script|javascript|Owned|tee/);
    expect(text).toContain('<script>alert(1)</script>');
    expect(text).toMatch(/\n {2}- .*`id`/);
  });

  it('can be held: every record behind it is kept', async () => {
    await store.run(
      `INSERT INTO records (source, cluster, node, event_time, digest, raw, received_at)
       SELECT 'auditd', 'prod', 'n1', ${at(1)}, arrayJoin([${['event-1', 'event-5', 'doc', 'pod', 'p2', 'a-list', 'a-other'].map(digest).join(', ')}]), 'x', ${at(1)}`,
    );
    const by = { actor: 'tester', now: () => now };
    const hold = await placeHold(store, { ...key, kind: 'dossier', pod_uid: 'uid-1' }, 'made', by);
    expect(hold?.records).toBe(6);
    expect(await scalar(store, '(SELECT count() FROM records_kept)')).toBe(6);
  });
});
