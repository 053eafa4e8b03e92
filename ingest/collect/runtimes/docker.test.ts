// The collector of Docker, against a server that answers like the daemon (no daemon runs where the tests run).
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recognise } from '../../frame/recognise.ts';
import {
  at,
  CONTAINER,
  dockerContainer,
  dockerEvent,
  dockerImage,
  dockerLine,
  IMAGE,
  IMAGE_ID,
} from '../../test-support/runtime-samples.ts';
import { createDockerDaemon } from '../test-support/docker-daemon.ts';
import { createPlace } from '../test-support/runtime-place.ts';
import { createDockerCollector } from './docker.ts';
import { createLineCutter } from './docker-client.ts';

const OTHER = 'e'.repeat(64);
const event = (fraction: string, action: string, id = CONTAINER) => dockerLine(dockerEvent(fraction, action, {}, id));
const document = (id: string) => JSON.stringify({ ...dockerContainer, Id: id });
const BASE_MS = Number(at('0')) / 1e6;

describe('the collector of Docker', () => {
  let directory: string;
  let daemon: ReturnType<typeof createDockerDaemon>;
  let place: ReturnType<typeof createPlace>;
  let socket: string;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'vestige-docker-'));
    socket = join(directory, 'docker.sock');
    daemon = createDockerDaemon(socket);
    daemon.images.set(IMAGE_ID, JSON.stringify(dockerImage));
    await daemon.start();
    place = createPlace();
  });
  afterEach(async () => {
    await place.stop();
    await daemon.stop().catch(() => {});
    rmSync(directory, { recursive: true, force: true });
  });

  const lists = () => daemon.asked.filter((path) => path.startsWith('/containers/json')).length;
  const start = async () => {
    const before = lists();
    place.start(createDockerCollector({ socket }));
    await expect.poll(lists).toBeGreaterThan(before);
    await sleep(20); // the answer
  };
  const texts = () => place.emitted.map(({ record }) => record.raw.toString());
  const formats = () => place.emitted.map(({ record }) => recognise(record.raw));
  const actions = () => place.emitted.map(({ json }) => json['Action']).filter((action) => action !== undefined);

  it('hands on events byte for byte, and what the daemon says of their containers and images', async () => {
    await start();
    daemon.containers.set(CONTAINER, document(CONTAINER));
    const lines = [event('1', 'create'), event('2', 'start'), event('3', 'die'), event('4', 'destroy')];
    daemon.tell(lines[0] ?? '');
    await expect.poll(() => place.emitted).toHaveLength(3);
    for (const line of lines.slice(1)) daemon.tell(line);
    await expect.poll(actions).toHaveLength(4);
    await expect.poll(() => place.emitted).toHaveLength(7);
    expect(texts().slice(0, 3)).toEqual([lines[0], document(CONTAINER), JSON.stringify(dockerImage)]);
    expect(texts().filter((text) => lines.includes(text))).toEqual(lines);
    expect(formats().filter((format) => format === 'docker-container')).toHaveLength(2);
    expect(formats().filter((format) => format === 'docker-image')).toHaveLength(1);
    expect(place.emitted[1]?.record.attrs).toEqual({
      runtime_namespace: 'moby',
      upperdir: '/var/lib/docker/overlay2/x/diff',
    });
    expect(place.gaps).toEqual([]);
  });

  it('describes what is there at its first start, without a gap', async () => {
    daemon.containers.set(CONTAINER, document(CONTAINER)).set(OTHER, document(OTHER));
    daemon.tell(event('1', 'create'));
    await start();
    await expect.poll(() => formats().toSorted()).toEqual(['docker-container', 'docker-container', 'docker-image']);
    expect(place.gaps).toEqual([]);
  });

  it('misses nothing and doubles nothing when the connection is lost and the daemon remembers', async () => {
    await start();
    const lines = Array.from({ length: 40 }, (_, i) => event(String(100 + i), 'kill'));
    for (const line of lines.slice(0, 20)) daemon.tell(line);
    await expect.poll(() => place.emitted).toHaveLength(20);
    daemon.drop();
    for (const line of lines.slice(20)) daemon.tell(line);
    await expect.poll(() => place.emitted).toHaveLength(40);
    await place.stop();
    daemon.tell(event('9', 'kill'));
    await start();
    await expect.poll(texts).toEqual([...lines, event('9', 'kill')]);
    await sleep(300);
    expect(place.gaps).toEqual([]);
    expect(place.emitted.map(({ record }) => record.position)).toEqual(place.emitted.map((_, i) => i));
  });

  it('says what is missing when the daemon was restarted: it remembers nothing', async () => {
    daemon.containers.set(CONTAINER, document(CONTAINER)).set(OTHER, document(OTHER));
    await start();
    daemon.tell(event('1', 'kill'));
    await expect.poll(actions).toHaveLength(1);
    await expect.poll(() => formats().filter((format) => format === 'docker-container')).toHaveLength(2);
    await daemon.stop();
    await expect.poll(() => place.said).toHaveLength(1);
    daemon.containers.delete(OTHER);
    daemon.containers.set('d'.repeat(64), document('d'.repeat(64)));
    const before = place.emitted.length;
    await daemon.start();
    await expect.poll(() => place.gaps, { timeout: 10_000 }).toHaveLength(1);
    expect(place.gaps[0]).toMatchObject({ reason: 'stream-interrupted', stream: `docker:${socket}` });
    expect(place.gaps[0]?.detail).toContain('1 containers appeared and 1 vanished');
    // it may run as another process now
    const told = () => place.emitted.slice(before).map(({ json }) => json['Id']);
    await expect.poll(told).toEqual([CONTAINER, 'd'.repeat(64)]);
    expect(place.said).toEqual([expect.stringContaining('lost'), expect.stringContaining('answers again')]);
  });

  it('says what is missing when more happened than the daemon remembers, up to the first event it tells', async () => {
    await start();
    daemon.tell(event('1', 'kill'));
    await expect.poll(actions).toHaveLength(1);
    await place.stop();
    const stream = `docker:${socket}`;
    place.checkpoints.set(stream, JSON.stringify({ position: 1, heardMs: BASE_MS + 100 }));
    for (let i = 0; i < 300; i++) daemon.tell(event(String(200 + i), 'kill'));
    await start();
    await expect.poll(actions).toHaveLength(257);
    await expect.poll(() => place.gaps).toHaveLength(1);
    expect(place.gaps[0]).toMatchObject({ fromMs: BASE_MS + 100, toMs: BASE_MS + 200 + 44 });
  });

  it('tells of a container that was gone before its document could be read', async () => {
    await start();
    daemon.tell(event('1', 'create'));
    daemon.tell(event('2', 'destroy'));
    await expect.poll(() => place.gaps, { timeout: 5_000 }).toHaveLength(1);
    expect(place.gaps[0]).toMatchObject({
      reason: 'container-undescribed',
      records: 1,
      detail: expect.stringContaining(CONTAINER),
    });
    expect(actions()).toEqual(['create', 'destroy']);
  });

  it('asks for an image again when its names change', async () => {
    await start();
    const image = (action: string) =>
      dockerLine({
        Type: 'image',
        Action: action,
        Actor: { ID: IMAGE_ID, Attributes: { name: IMAGE } },
        time: 1,
        timeNano: 1e9,
      });
    daemon.tell(image('tag'));
    await expect.poll(() => place.emitted).toHaveLength(2);
    daemon.tell(image('pull'));
    daemon.images.set(IMAGE_ID, JSON.stringify({ ...dockerImage, RepoTags: ['other:1'] }));
    daemon.tell(image('untag'));
    daemon.tell(image('load'));
    await expect.poll(() => formats().filter((format) => format === 'docker-image').length).toBe(2);
  });

  it('keeps what is no event it knows, and goes on', async () => {
    await start();
    const odd = [
      '{"Type":"container","Action":"create","Actor":{"ID":"../../x?y"},"timeNano":99999999999999999999999}',
      '{"Type":"volume","Action":"create","Actor":{},"time":-5}',
      '{"Type":"container","Action":5,"time":1e300,"Actor":null}',
      '[]',
    ];
    for (const line of odd) daemon.tell(line);
    await expect.poll(texts).toEqual(odd);
    await expect.poll(() => daemon.asked.at(-1)).toBe('/containers/..%2F..%2Fx%3Fy/json');
    daemon.tell(event('5', 'kill'));
    await expect.poll(() => place.emitted).toHaveLength(5);
  });
});

describe('lines of a stream', () => {
  it('are the same however they are cut into chunks, and none is longer than it may be', () => {
    const text = 'first\nsecond\n\nthird is longer\n';
    for (let size = 1; size <= text.length; size++) {
      const lines: string[] = [];
      const cut = createLineCutter((line) => lines.push(line.toString()), 100);
      for (let i = 0; i < text.length; i += size) cut(Buffer.from(text.slice(i, i + size)));
      expect(lines).toEqual(['first', 'second', 'third is longer']);
    }
    const pieces: string[] = [];
    const cut = createLineCutter((line) => pieces.push(line.toString()), 4);
    for (const chunk of ['abc', 'def', 'g\nh\n']) cut(Buffer.from(chunk));
    expect(pieces).toEqual(['abcdef', 'g', 'h']);
  });
});
