// A made-up cluster's life, hour by hour, as decoders and entities would tell it: pods of workloads, what their processes do, what principals ask.
// Deterministic; times are hours after the first midnight. For tests.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { conclude } from '../../correlate.ts';
import { refreshMinutes } from '../../entities/minutes/minutes.ts';
import type { Rule } from '../../rules/language/rule.ts';
import { connect } from '../../store/connect.ts';
import type { Row, Store } from '../../store/store.ts';

const START_MS = Date.parse('2026-03-02T00:00:00Z');
const NODE = 'n1';

/** An instant as the engine reads it. */
export const instantOf = (hour: number): string =>
  new Date(START_MS + Math.round(hour * 3_600_000)).toISOString().replace('T', ' ').replace('Z', '');

export interface Pod {
  cluster: string;
  namespace: string;
  name: string;
  workload: [kind: string, name: string];
  container: string;
  image: string;
  digest: string;
}

export interface Life {
  /** One that begins then, with a container of that name and an address. */
  pod(hour: number, pod: Partial<Pod> & Pick<Pod, 'name' | 'workload'>): Pod;
  /** The pod's process (no pod: the node's) executes a program, started by another: by path, or the process that exec gave back. */
  exec(hour: number, pod: Pod | undefined, exe: string, parent?: string): string;
  connect(hour: number, pod: Pod, exe: string, address: string, port: number): void;
  listen(hour: number, pod: Pod, exe: string, port: number): void;
  write(hour: number, pod: Pod, exe: string, path: string): void;
  ask(hour: number, username: string, verb: string, resource: string, more?: Row): void;
  decide(
    hour: number,
    of: { subject: string; kind: string; value: string },
    decision: 'pin' | 'reject' | 'unpin',
  ): void;
  /** What happened so far goes into the store; of each table the rows that are chosen, as they are ordered, the others next time. */
  tell(choose?: (rows: readonly Row[]) => Row[]): Promise<void>;
}

export function createLife(store: Store, cluster = 'prod'): Life {
  const rows = new Map<string, Row[]>();
  let serial = 0;
  const add = (table: string, ...more: Row[]) => rows.set(table, [...(rows.get(table) ?? []), ...more]);
  const digestOf = (name: string) => `${name}@${cluster}`.padEnd(32, '.').slice(-32);
  const idOf = (pod: Pod) => `${pod.name}-id`;

  const parents = new Set<string>();
  /** A process of its own for each event, below one that stays. */
  function called(hour: number, pod: Pod | undefined, exe: string, parent: string, more: Row): string {
    const n = ++serial;
    const [container_id, pid] = [pod === undefined ? '' : idOf(pod), 1000 + n];
    const place = { cluster, node: NODE };
    const parent_key = parent.startsWith('/') ? `${parent} in ${container_id}` : parent;
    const row = (key: string, of: string, above: string) => ({
      ...{ ...place, process_key: key, parent_key: above, pid, ppid: 500, exe: of, comm: of.split('/').at(-1) ?? '' },
      ...{ container_id, first_seen: instantOf(hour), seen: 'exec', version: 1 },
    });
    if (parent.startsWith('/') && !parents.has(parent_key)) add('processes', row(parent_key, parent, ''));
    parents.add(parent_key);
    add('processes', row(`p${n}`, exe, parent_key));
    const event = { ...place, time: instantOf(hour), serial: n };
    add('attributions', { ...event, process_key: `p${n}`, container_id, version: 1 });
    add('auditd', {
      ...{ ...event, pid, ppid: 500, exe, comm: exe.split('/').at(-1) ?? '', success: 'yes', version: 1 },
      ...{
        record_types: ['SYSCALL'],
        path_devs: (more['path_types'] as string[] | undefined)?.map(() => '00:21') ?? [],
        args: ['0', '0', '241', '0'],
        argv: [],
        path_names: [],
        path_names_absolute: [],
      },
      ...{ path_types: [], addr_family: '', addr: '', port: 0, digests: [digestOf(`e${n}`)], ...more },
    });
    return `p${n}`;
  }

  return {
    pod: (
      hour,
      { namespace = 'shop', container = 'main', image = 'shop/web:1', digest = 'sha256:1', name, workload },
    ) => {
      const pod = { cluster, namespace, name, workload, container, image, digest };
      const own = { namespace, pod: name, pod_uid: `${name}-uid`, version: 1 };
      const [workload_kind, workload_name] = workload;
      add('pods', {
        cluster,
        ...own,
        workload_kind,
        workload_name,
        ips: [],
        known_by: ['runtime'],
        first_seen: instantOf(hour),
      });
      const place = { cluster, node: NODE, container_id: idOf(pod) };
      add('containers', {
        ...place,
        kind: 'container',
        container_name: container,
        image,
        image_digest: digest,
        ...own,
      });
      const event = { topic: '/tasks/start', time: instantOf(hour), digest: digestOf(`run ${name}`), version: 1 };
      add('runtime', { ...place, ...event });
      return pod;
    },
    exec: (hour, pod, exe, parent = '/usr/sbin/server') =>
      called(hour, pod, exe, parent, {
        syscall_name: 'execve',
        path_names: [exe],
        path_names_absolute: [exe],
        path_types: ['NORMAL'],
      }),
    connect: (hour, pod, exe, addr, port) =>
      void called(hour, pod, exe, '/usr/sbin/server', { syscall_name: 'connect', addr_family: 'inet', addr, port }),
    listen: (hour, pod, exe, port) =>
      void called(hour, pod, exe, '/usr/sbin/server', {
        syscall_name: 'bind',
        addr_family: 'inet',
        addr: '0.0.0.0',
        port,
      }),
    write: (hour, pod, exe, path) =>
      void called(hour, pod, exe, '/usr/sbin/server', {
        ...{ syscall_name: 'openat', path_names: [path], path_names_absolute: [path], path_types: ['CREATE'] },
      }),
    ask: (hour, username, verb, resource, more = {}) =>
      add('k8s_audit', {
        ...{
          cluster,
          time: instantOf(hour),
          audit_id: `a${++serial}`,
          stage: 'ResponseComplete',
          verb,
          username,
          resource,
        },
        ...{ namespace: 'shop', source_ips: ['198.51.100.7'], user_agent: 'kubectl/v1.34', code: 200, version: 1 },
        ...{ digest: digestOf(`a${serial}`), ...more },
      }),
    decide: (hour, of, decision) =>
      add('baseline_decisions', {
        cluster,
        ...of,
        decision,
        reason: 'test',
        decided_by: 'ann',
        decided_at: instantOf(hour),
      }),
    tell: async (choose = (all) => [...all]) => {
      for (const [table, all] of rows) {
        const chosen = choose(all);
        await store.insert(table, chosen);
        const told = new Set(chosen);
        rows.set(
          table,
          all.filter((row) => !told.has(row)),
        );
      }
    },
  };
}

let version = 1;

/** What follows of all that was told, with these rules. */
export async function concludeLife(store: Store, rules: readonly Rule[] = []): Promise<void> {
  await refreshMinutes(store, ++version);
  await conclude(store, rules, version);
}

export async function openLife(): Promise<{ store: Store; location: string; close: () => Promise<void> }> {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-baselines-'));
  const location = `embedded:${directory}`;
  const store = await connect(location, 'test');
  const close = async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  };
  return { store, location, close };
}
