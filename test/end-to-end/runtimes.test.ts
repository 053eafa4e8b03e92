// Containers and pods of a node whose runtime is Docker, CRI-O or podman: from its records to the lists people ask for.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildEntities } from '../../analytics/entities/entities.ts';
import { listContainers } from '../../analytics/queries/containers.ts';
import { connect } from '../../analytics/store/connect.ts';
import type { Row, Store } from '../../analytics/store/store.ts';
import { importPaths } from '../../ingest/import.ts';
import {
  CONTAINER,
  criContainer,
  criEvent,
  criSandbox,
  dockerContainer,
  dockerEvent,
  dockerImage,
  dockerLine,
  IMAGE,
  IMAGE_ID,
  MANIFEST,
  podLabels,
  podmanContainer,
  SANDBOX,
} from '../../ingest/test-support/runtime-samples.ts';

async function correlated<T>(lines: readonly (object | string)[], ask: (store: Store) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-runtimes-'));
  mkdirSync(join(directory, 'logs'));
  const text = lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
  writeFileSync(join(directory, 'logs', 'runtime.log'), text);
  const store = await connect(`embedded:${directory}/store`, 'test');
  try {
    const dependencies = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
    const options = { cluster: 'c', node: 'worker-1' };
    expect(await importPaths([join(directory, 'logs')], options, dependencies)).toMatchObject({ dead_letters: 0 });
    await buildEntities(store, 1);
    return await ask(store);
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

const filter = { since: '2026-11-01T00:00:00Z', until: '2026-12-01T00:00:00Z', sandboxes: true, limit: 10 };
const time = (fraction: string) => `2026-11-23T13:09:58.${fraction.padEnd(9, '0')}Z`;
const containers = (store: Store) => listContainers(store, filter);
const pods = (store: Store): Promise<Row[]> =>
  store.rows('SELECT pod_uid, namespace, pod, node, images, first_seen, ended_at FROM pods FINAL');
const container = {
  cluster: 'c',
  node: 'worker-1',
  container_id: CONTAINER,
  kind: 'container',
  container_name: 'app',
  namespace: 'shop',
  pod: 'web',
  pod_uid: podLabels['io.kubernetes.pod.uid'],
  image: IMAGE,
  image_digest: '',
  privileged: false,
  // 128 and SIGKILL
  ended_by: 'signal',
  known_by: ['runtime'],
  findings: 0,
};

describe('a container is listed with its pod, image, lifetime and exit', () => {
  const life = { created_at: time('1'), started_at: time('2'), ended_at: time('3'), exit_status: 137 };

  it('from the events of Docker, whatever their order', async () => {
    const events = [
      dockerEvent('1', 'create'),
      dockerEvent('2', 'start'),
      dockerEvent('3', 'die', { exitCode: '137' }),
      dockerEvent('4', 'destroy'),
    ].map(dockerLine);
    for (const lines of [events, events.toReversed()]) {
      const [listed, of] = await correlated(lines, async (store) => [await containers(store), await pods(store)]);
      expect(listed).toEqual([{ ...container, ...life }]);
      expect(of).toEqual([
        {
          pod_uid: container.pod_uid,
          namespace: 'shop',
          pod: 'web',
          node: 'worker-1',
          images: [IMAGE],
          first_seen: time('1'),
          ended_at: time('3'),
        },
      ]);
    }
  });

  it('from the events of CRI, its sandbox beside it', async () => {
    const lines = [
      criEvent('05', 'CREATED', SANDBOX),
      criEvent('1', 'CREATED'),
      criEvent('2', 'STARTED'),
      criEvent('3', 'STOPPED'),
      criEvent('4', 'DELETED'),
    ];
    const [listed, of] = await correlated(lines, async (store) => [await containers(store), await pods(store)]);
    expect(listed).toEqual([
      { ...container, ...life, image_digest: MANIFEST },
      {
        ...container,
        ended_by: '',
        container_id: SANDBOX,
        kind: 'sandbox',
        container_name: '',
        image: '',
        created_at: time('05'),
        started_at: null,
        ended_at: null,
        exit_status: null,
      },
    ]);
    expect(of).toMatchObject([{ namespace: 'shop', pod: 'web', images: [IMAGE], first_seen: time('05') }]);
  });

  it('from documents alone, where no events were kept', async () => {
    const told = { known_by: ['documents'] };
    const [listed] = await correlated([criContainer, criSandbox], containers);
    expect(listed).toEqual({ ...container, ...life, ...told, privileged: true, image_digest: MANIFEST });
    const State = { ...dockerContainer.State, Pid: 0, ExitCode: 137, FinishedAt: time('3') };
    expect(await correlated([{ ...dockerContainer, State }], containers)).toEqual([{ ...container, ...life, ...told }]);
    expect(await correlated([podmanContainer], containers)).toMatchObject([
      { ...life, container_name: 'web', pod: '', image: IMAGE },
    ]);
  });
});

describe('an image', () => {
  const image = (store: Store) => store.rows('SELECT image, image_digest FROM containers FINAL');
  // the kubelet hands Docker the id of an image, not its name
  const byId = { ...dockerContainer, Config: { ...dockerContainer.Config, Image: IMAGE_ID } };

  it('that a container has by id has the name and digest of the image document', async () => {
    expect(await correlated([byId, dockerImage], image)).toEqual([{ image: IMAGE, image_digest: MANIFEST }]);
    expect(await correlated([byId], image)).toEqual([{ image: IMAGE_ID, image_digest: '' }]);
  });

  it('whose name has stood for two digests gives none by name, and the right one by id', async () => {
    const other = `sha256:${'2'.repeat(64)}`;
    const moved = {
      ...dockerImage,
      Id: `sha256:${'d'.repeat(64)}`,
      RepoDigests: [`registry.example/web@${other}`],
    };
    const { Image: _, ...byName } = dockerContainer;
    expect(await correlated([byName, dockerImage], image)).toEqual([{ image: IMAGE, image_digest: MANIFEST }]);
    expect(await correlated([byName, dockerImage, moved], image)).toEqual([{ image: IMAGE, image_digest: '' }]);
    expect(await correlated([byId, dockerImage, moved], image)).toEqual([{ image: IMAGE, image_digest: MANIFEST }]);
  });
});

describe('the pid of an inspect document', () => {
  it('gives the container its first process and the children of that', async () => {
    const call = (serial: number, seconds: string, ppid: number, pid = 30279) =>
      `type=SYSCALL msg=audit(${seconds}:${serial}): arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=0 items=1 ppid=${ppid} pid=${pid} auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm="sh" exe="/bin/sh" key=(null)\ntype=EXECVE msg=audit(${seconds}:${serial}): argc=1 a0="sh"\ntype=PROCTITLE msg=audit(${seconds}:${serial}): proctitle=7368`;
    const lines = [
      dockerContainer,
      dockerLine(dockerEvent('5', 'die', { exitCode: '0' })),
      call(1, '1795439398.210', 30250),
      call(2, '1795439398.220', 30279, 30280),
    ];
    const placed = (store: Store) =>
      store.rows(
        "SELECT serial, container_id, method FROM attributions FINAL WHERE container_id != '' ORDER BY serial",
      );
    expect(await correlated(lines, placed)).toEqual([
      { serial: 1, container_id: CONTAINER, method: 'runtime-pid' },
      { serial: 2, container_id: CONTAINER, method: 'descent' },
    ]);
  });
});
