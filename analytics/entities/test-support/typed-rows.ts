// Rows of the typed tables as decoders would make them, little by little, and the containers that come of them on the real engine. For tests.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../store/connect.ts';
import type { Row } from '../../store/store.ts';
import { fillContainers } from '../containers/fill-containers.ts';
import { refreshMinutes } from '../minutes/minutes.ts';

export const at = (second: number) => `2026-05-01 10:00:${second.toFixed(3).padStart(6, '0')}`;
export const digest = (name: string) => name.padEnd(32, '.');
export const ID = 'a'.repeat(64);
export const OTHER = 'b'.repeat(64);
export const SANDBOX = 'c'.repeat(64);

export const event = (second: number, topic: string, more: Row = {}): Row => ({
  ...{ cluster: 'prod', node: 'n1', time: at(second), runtime_namespace: 'k8s.io', topic, container_id: ID },
  ...{ digest: digest(`${topic}@${second}`), exit_status: 0, pid: -1, version: 1, ...more },
});

let serial = 0;
export const execution = (second: number, argv: string[], more: Row = {}): Row => ({
  ...{
    cluster: 'prod',
    node: 'n1',
    time: at(second),
    serial: ++serial,
    syscall: 59,
    syscall_name: 'execve',
    success: 'yes',
  },
  ...{ pid: 100 + serial, ppid: 50, exe: `/usr/bin/${argv[0]}`, comm: argv[0]?.slice(0, 15), argv, version: 1 },
  ...{
    digests: [
      digest(`${argv.find((a) => ['create', 'start', 'delete'].includes(a)) ?? argv[0]?.slice(0, 8)}@${second}`),
    ],
    ...more,
  },
});

export const status = (kind: string, name: string, id: string, more: Row = {}): Row => ({
  ...{ kind, name, container_id: id, image: 'shop/web:1', image_id: `shop/web@sha256:${'1'.repeat(64)}` },
  ...{
    started_at: '1970-01-01 00:00:00',
    finished_at: '1970-01-01 00:00:00',
    exit_code: 0,
    signal: 0,
    reason: '',
    ...more,
  },
});
export const pod = (second: number, statuses: Row[], more: Row = {}): Row => ({
  ...{
    cluster: 'prod',
    time: at(second),
    audit_id: `r${second}`,
    stage: 'ResponseComplete',
    verb: 'patch',
    subresource: 'status',
  },
  ...{ username: 'system:node:n1', resource: 'pods', namespace: 'shop', name: 'web-0', object_uid: 'uid-1', code: 200 },
  ...{ container_statuses: statuses, digest: digest(`pod@${second}`), version: 1, ...more },
});

const TABLES = ['k8s_audit', 'auditd', 'runtime', 'containers', 'process_runs', 'runtime_calls', 'rootfs_devices'];

export interface MadeContainers {
  runtime(...rows: Row[]): Promise<void>;
  auditd(...rows: Row[]): Promise<void>;
  api(...rows: Row[]): Promise<void>;
  /** Made of all rows so far: times in seconds after ten o'clock, digests by their names, the earliest first. */
  containers(): Promise<Row[]>;
  empty(): Promise<void>;
  close(): Promise<void>;
}

export async function openContainers(): Promise<MadeContainers> {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-containers-'));
  const store = await connect(`embedded:${directory}`, 'test');
  let version = 0;
  // rows of one insert have the same keys
  const into =
    (table: string) =>
    async (...rows: Row[]) => {
      for (const row of rows) await store.insert(table, [row]);
    };
  return {
    runtime: into('runtime'),
    auditd: into('auditd'),
    api: into('k8s_audit'),
    containers: async () => {
      await refreshMinutes(store, ++version);
      await fillContainers(store, version);
      const second = (name: string) =>
        `if(${name} = 0, NULL, round(toUnixTimestamp64Milli(${name}) / 1000 - 1777629600, 3)) AS ${name}`;
      const names = (name: string) => `arrayMap(d -> trimRight(toString(d), '.'), ${name}) AS ${name}`;
      return store.rows(`SELECT node, container_id, kind, known_by, container_name, pod, pod_uid, sandbox_id, image_digest, ended_by, exit_status,
          ${['created_at', 'started_at', 'ended_at', 'removed_at', 'first_seen', 'last_seen'].map(second).join(', ')},
          ${['begin_digests', 'end_digests', 'digests'].map(names).join(', ')}
        FROM containers FINAL ORDER BY node, first_seen, container_id`);
    },
    empty: async () => {
      for (const table of TABLES) await store.run(`TRUNCATE TABLE ${table}`);
    },
    close: async () => {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
