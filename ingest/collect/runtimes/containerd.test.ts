// The collector beside a real containerd: what `ctr events` prints is in its records, and every container is described.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { recognise } from '../../frame/recognise.ts';
import { podLabels } from '../../test-support/runtime-samples.ts';
import { type Containerd, IMAGE, isAvailable, runContainer, startContainerd } from '../test-support/containerd.ts';
import { runPod } from '../test-support/cri-runtime.ts';
import { createPlace, type Emitted } from '../test-support/runtime-place.ts';
import { createContainerdCollector } from './containerd.ts';
import { connectUnix } from './grpc-client.ts';

type Place = ReturnType<typeof createPlace>;

interface Event {
  timestamp: string;
  namespace: string;
  topic: string;
  event: Record<string, unknown>;
}

const LIFE = ['/containers/create', '/tasks/create', '/tasks/start', '/tasks/exit', '/containers/delete'];

const ofFormat = (place: Place, format: string) => place.emitted.filter((one) => recognise(one.record.raw) === format);
const eventsOf = (place: Place) => ofFormat(place, 'containerd-json').map(({ json }) => json as unknown as Event);
const documentsOf = (place: Place, id?: string) =>
  ofFormat(place, 'containerd-container').filter(({ json }) => id === undefined || json['id'] === id);
const idOf = ({ event }: Event) => event['container_id'] ?? event['id'] ?? event['key'] ?? event['name'];

/** Nanoseconds in one way of writing: ctr leaves trailing zeros out. */
const instant = (text: string) => text.replace(/(?:\.(\d+))?Z$/, (_, digits = '') => `.${digits.padEnd(9, '0')}Z`);
const normal = ({ timestamp, namespace, topic, event }: Event) =>
  JSON.stringify([
    instant(timestamp),
    namespace,
    topic,
    Object.entries(event)
      .map(([name, value]) => [name, name.endsWith('_at') ? instant(String(value)) : value])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  ]);

/** A line of `ctr events`. */
function eventOfLine(line: string): Event {
  const [, date, time, namespace, topic, json] = /^(\S+) (\S+) \+0000 UTC (\S+) (\S+) (\{.*)$/.exec(line) ?? [];
  return {
    timestamp: `${date}T${time}Z`,
    namespace: namespace ?? '',
    topic: topic ?? '',
    event: JSON.parse(json ?? ''),
  };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

describe.skipIf(!isAvailable())('the collector of containerd', () => {
  let containerd: Containerd;
  let place: Place;
  beforeAll(async () => {
    containerd = await startContainerd();
    await containerd.importImage('elsewhere');
  });
  afterAll(() => containerd.stop());
  const start = async () => {
    const before = place.checkpoints.get(`containerd:${containerd.socket}`);
    place.start(createContainerdCollector({ socket: containerd.socket }));
    // it listens once it has listed
    await expect.poll(() => place.checkpoints.get(`containerd:${containerd.socket}`)).not.toBe(before);
  };
  beforeEach(() => {
    place = createPlace();
  });
  afterEach(() => place.stop());

  it('has every event that `ctr events` prints, with its time and body, of all namespaces', async () => {
    await start();
    const ctr = containerd.startCtr(['events']);
    const lines: string[] = [];
    createInterface({ input: ctr.stdout as NonNullable<typeof ctr.stdout> }).on('line', (line) => lines.push(line));
    await expect
      .poll(async () => {
        await containerd.ctr(['namespaces', 'label', 'default', `probe=${lines.length}${Date.now()}`]);
        return lines.length;
      })
      .toBeGreaterThan(0);
    const first = eventOfLine(lines[0] ?? '');

    const { id } = await runContainer(containerd, {
      args: ['sleep', '600'],
      detached: true,
      labels: { b: '<&>', a: 'ä' },
    });
    await containerd.ctr(['tasks', 'exec', '--exec-id', 'probe', id, 'true']);
    await containerd.ctr(['containers', 'label', id, 'c=d']);
    await containerd.ctr(['tasks', 'pause', id]);
    await containerd.ctr(['tasks', 'resume', id]);
    await containerd.ctr(['tasks', 'rm', '--force', id]);
    await containerd.ctr(['containers', 'rm', id]);
    await runContainer(containerd, { args: ['false'] }).catch(() => {});
    await runContainer(containerd, { namespace: 'elsewhere' });
    await containerd.ctr(['images', 'tag', IMAGE, 'registry.test/other:1']);
    await containerd.ctr(['images', 'rm', '--sync', 'registry.test/other:1']);
    await containerd.ctr(['namespaces', 'create', 'brief']);
    await containerd.ctr(['namespaces', 'rm', 'brief']);
    await expect.poll(() => lines.some((line) => line.includes('/namespaces/delete'))).toBe(true);
    await sleep(200);
    ctr.kill();
    await once(ctr, 'exit');

    const printed = lines.map(eventOfLine);
    const collected = eventsOf(place);
    const from = collected.findIndex(({ timestamp }) => instant(timestamp) === instant(first.timestamp));
    expect(collected.slice(from).map(normal)).toEqual(printed.map(normal));
    const topics = new Set(printed.map(({ topic }) => topic));
    for (const topic of [
      ...['create', 'start', 'exec-added', 'exec-started', 'exit', 'paused', 'resumed', 'delete'].map(
        (t) => `/tasks/${t}`,
      ),
      ...['create', 'update', 'delete'].map((t) => `/containers/${t}`),
      ...['/images/create', '/images/delete', '/snapshot/prepare', '/snapshot/remove', '/namespaces/create'],
    ])
      expect(topics, topic).toContain(topic);
    expect(new Set(collected.map(({ namespace }) => namespace))).toContain('elsewhere');
    expect(place.gaps).toEqual([]);
  });

  it('describes what runs already, with its pid and its image', async () => {
    const { id } = await runContainer(containerd, {
      args: ['sleep', '600'],
      detached: true,
      namespace: 'elsewhere',
      labels: { team: 'shop' },
      options: ['--env', 'TOKEN=x', '--mount', 'type=bind,src=/var,dst=/host,options=rbind:ro'],
    });
    await start();
    await expect.poll(() => documentsOf(place, id)).toHaveLength(1);
    const [document] = documentsOf(place, id);
    const pid = (await containerd.ctr(['tasks', 'ls'], 'elsewhere')).match(new RegExp(`${id}\\s+(\\d+)`))?.[1];
    expect(document?.json).toMatchObject({ namespace: 'elsewhere', pid: Number(pid), status: 'RUNNING' });
    const told = document?.json['info'] as Record<string, unknown>;
    // Go writes times without trailing zeros, and null for what is not there
    const printed = JSON.parse(await containerd.ctr(['containers', 'info', id], 'elsewhere'), (_, v) => v ?? undefined);
    expect(JSON.parse(JSON.stringify(told).replace(/(\.\d*?)0+Z"/g, '$1Z"'))).toEqual(printed);
    expect(document?.record.attrs?.['runtime_namespace']).toBe('elsewhere');
    if (containerd.snapshotter === 'overlayfs')
      expect(document?.record.attrs?.['upperdir']).toMatch(/^\/.*\/snapshots\/\d+\/fs$/);
    await expect.poll(() => ofFormat(place, 'containerd-image')).toHaveLength(1);
    const [image] = ofFormat(place, 'containerd-image');
    expect(image?.json).toMatchObject({
      namespace: 'elsewhere',
      info: { Name: IMAGE, Target: { digest: containerd.imageDigest } },
    });
    await containerd.ctr(['tasks', 'rm', '--force', id], 'elsewhere');
    await containerd.ctr(['containers', 'rm', id], 'elsewhere');
  });

  it('describes 200 containers that live for milliseconds, one after the other and four at once', async () => {
    await start();
    const ids: string[] = [];
    const runs = async (count: number) => {
      for (let i = 0; i < count; i++) ids.push((await runContainer(containerd)).id);
    };
    await runs(40);
    await Promise.all([runs(40), runs(40), runs(40), runs(40)]);
    const deleted = () => eventsOf(place).filter(({ topic }) => topic === '/containers/delete').length;
    await expect.poll(deleted).toBeGreaterThanOrEqual(200);
    expect(new Set(ids).size).toBe(200);
    const collected = eventsOf(place);
    const delays = ids.map((id) => {
      const events = collected.filter((event) => idOf(event) === id);
      expect(events.map(({ topic }) => topic)).toEqual(expect.arrayContaining(LIFE));
      expect(events.find(({ topic }) => topic === '/tasks/start')?.event['pid']).toBeGreaterThan(0);
      const [document] = documentsOf(place, id);
      expect(document?.json['info']).toMatchObject({ ID: id, Image: IMAGE, Spec: { process: { args: ['true'] } } });
      if (containerd.snapshotter === 'overlayfs') expect(document?.record.attrs?.['upperdir']).toBeTruthy();
      const created = events.find(({ topic }) => topic === '/containers/create')?.timestamp ?? '';
      return (document as Emitted).atMs - Date.parse(created);
    });
    console.info(`document after create: median ${median(delays)} ms, longest ${Math.max(...delays)} ms`);
    expect(ofFormat(place, 'containerd-image')).toHaveLength(1);
    expect(place.gaps).toEqual([]);
  });

  it('describes pods as the kubelet runs them: sandbox and container, as they are after the last update', async () => {
    await containerd.importImage('k8s.io');
    await start();
    const client = connectUnix(containerd.socket);
    const labels = { ...podLabels, 'io.kubernetes.container.name': 'app' };
    const pod = await runPod(client, { image: IMAGE, command: ['sleep', '600'], labels });
    await pod.remove();
    client.close();
    const kinds = [
      [pod.sandboxId, 'sandbox'],
      [pod.containerId, 'container'],
    ] as const;
    for (const [id, kind] of kinds) {
      const updates = eventsOf(place).filter(
        ({ topic, event }) => topic === '/containers/update' && event['id'] === id,
      );
      const told = documentsOf(place, id).map(({ json }) => json['info'] as Record<string, unknown>);
      expect(told.length).toBeGreaterThan(0);
      expect(told.length).toBeLessThanOrEqual(1 + updates.length);
      expect(told.at(-1)).toMatchObject({ Labels: { ...labels, 'io.cri-containerd.kind': kind } });
      expect(new Set(told.map((info) => info['UpdatedAt'])).size).toBe(told.length);
    }
    expect(documentsOf(place, pod.sandboxId)[0]?.json['namespace']).toBe('k8s.io');
    expect(place.gaps).toEqual([]);
  });

  const removed = async (id: string) => {
    await containerd.ctr(['tasks', 'rm', '--force', id]);
    await containerd.ctr(['containers', 'rm', id]);
  };

  it('goes on when containerd is killed and comes back: one gap, that says what came and went', async () => {
    await start();
    const [stays, goes] = [
      await runContainer(containerd, { args: ['sleep', '600'], detached: true }),
      await runContainer(containerd, { args: ['sleep', '600'], detached: true }),
    ];
    await expect.poll(() => documentsOf(place)).toHaveLength(2);
    await containerd.kill();
    await expect.poll(() => place.said).toHaveLength(1);
    await sleep(1_000);
    expect(place.said).toHaveLength(1);
    await place.stop(); // nobody looks while one goes and another comes
    await containerd.restart();
    await removed(goes.id);
    const comes = await runContainer(containerd, { args: ['sleep', '600'], detached: true });
    const lastSeen = Date.parse(eventsOf(place).at(-1)?.timestamp ?? '');
    const before = place.emitted.length;
    await start();
    await expect.poll(() => documentsOf(place, comes.id)).toHaveLength(1);

    expect(documentsOf(place, stays.id)).toHaveLength(1);
    expect(documentsOf(place, comes.id)[0]?.json['pid']).toBeGreaterThan(0);
    expect(place.gaps).toHaveLength(1);
    expect(place.gaps[0]).toMatchObject({ reason: 'stream-interrupted', fromMs: lastSeen });
    expect(place.gaps[0]?.detail).toContain('meanwhile 1 containers appeared and 1 vanished');
    expect(place.gaps[0]?.toMs).toBeGreaterThan(lastSeen);
    expect(place.emitted.slice(before).every(({ json }) => json['topic'] === undefined)).toBe(true);
    const { id } = await runContainer(containerd);
    await expect
      .poll(() =>
        eventsOf(place)
          .filter((event) => idOf(event) === id)
          .map(({ topic }) => topic),
      )
      .toContain('/containers/delete');
    expect(place.emitted.map(({ record }) => record.position)).toEqual(place.emitted.map((_, i) => i));
    await removed(stays.id);
    await removed(comes.id);
  });

  it('is killed under load: every container that is still there, and every event outside of the gap, is there once', async () => {
    await start();
    let failures = 0;
    const ran: { id: string; fromMs: number; toMs: number }[] = [];
    const load = async () => {
      for (let i = 0; i < 12; i++) {
        const fromMs = Date.now();
        await runContainer(containerd).then(
          ({ id }) => ran.push({ id, fromMs, toMs: Date.now() }),
          () => failures++,
        );
      }
    };
    const loads = [load(), load()];
    await sleep(600);
    await containerd.kill();
    await containerd.restart();
    await Promise.all(loads);
    await runContainer(containerd);
    await expect.poll(() => place.gaps).toHaveLength(1);
    await sleep(300);
    expect(failures).toBeGreaterThan(0);
    expect(place.gaps.map(({ reason }) => reason)).toEqual(['stream-interrupted']);
    expect(place.said).toHaveLength(2);
    const [gap] = place.gaps;
    const events = eventsOf(place);
    expect(new Set(events.map(normal)).size).toBe(events.length);
    const outside = ran.filter(({ fromMs, toMs }) => toMs < (gap?.fromMs ?? 0) || fromMs > (gap?.toMs ?? 0));
    expect(outside.length).toBeGreaterThan(5);
    for (const { id } of outside) {
      expect(events.filter((event) => idOf(event) === id).map(({ topic }) => topic)).toEqual(
        expect.arrayContaining(LIFE),
      );
      expect(documentsOf(place, id), id).not.toHaveLength(0);
    }
    const left = (await containerd.ctr(['containers', 'ls', '-q'])).split('\n').filter((id) => id !== '');
    for (const id of left) expect(documentsOf(place, id), id).not.toHaveLength(0);
  });
});
