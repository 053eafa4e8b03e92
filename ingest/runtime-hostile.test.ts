// Records of container runtimes that are damaged, lie about their types or would pass for something else.
import { describe, expect, it } from 'vitest';
import { ask, load, ofContainer, rowOf, rows, time, useStore } from './test-support/runtime-rows.ts';
import {
  CONTAINER,
  containerdEvents,
  containerdImage,
  criContainer,
  criContainerReply,
  criEvent,
  criImage,
  criSandbox,
  dockerContainer,
  dockerEvent,
  dockerImage,
  dockerLabels,
  dockerLine,
  labels,
  podmanContainer,
  podmanEvent,
  podmanImage,
} from './test-support/runtime-samples.ts';

useStore();

describe('hostile records', () => {
  const samples: Record<string, string> = {
    'containerd-json': containerdEvents.json[5] ?? '',
    'containerd-image': JSON.stringify(containerdImage),
    'docker-event': dockerLine(dockerEvent('1', 'start')),
    'docker-container': JSON.stringify(dockerContainer),
    'docker-image': JSON.stringify(dockerImage),
    'cri-event': JSON.stringify(criEvent('1', 'STARTED')),
    'cri-container': JSON.stringify(criContainerReply),
    'cri-sandbox': JSON.stringify({ status: criSandbox.status, info: criSandbox.info }),
    'cri-image': JSON.stringify(criImage),
    'podman-event': podmanEvent('1', 'start'),
    'podman-container': JSON.stringify(podmanContainer),
    'podman-image': JSON.stringify(podmanImage),
  };

  it.each(Object.entries(samples))('%s with CRLF is the same row', async (_, sample) => {
    expect(await rowOf(`${sample}\r`)).toEqual(await rowOf(sample));
  });

  it.each(Object.entries(samples))('%s cut short is kept and told, and what follows is read', async (_, sample) => {
    expect(await load(`${sample}\n${sample.slice(0, -1)}\n${sample}\n`)).toMatchObject({ records: 2, duplicates: 1 });
    expect(await ask('SELECT reason FROM dead_letters FINAL')).toEqual([{ reason: 'invalid-json' }]);
    expect(await rows()).toHaveLength(1);
  });

  it.each(Object.entries(samples))('%s with bytes that are no UTF-8 is a row or a dead letter', async (_, sample) => {
    const broken = Buffer.from(sample.replace(/web|k8s/, 'w\u0001b'));
    broken[broken.indexOf(1)] = 0xff;
    const { records, dead_letters } = await load(
      Buffer.concat([Buffer.from(`${sample}\n`), broken, Buffer.from('\n')]),
    );
    expect(records).toBe(2);
    expect((await rows()).length + dead_letters).toBe(2);
  });

  it.each(Object.entries(samples))(
    '%s with every value of another type is a row or a dead letter',
    async (_, sample) => {
      const turned: string[] = [];
      for (const [from, to] of [
        [/"([^"\\]*)"(?=[,}\]])/g, '7'],
        [/"([^"\\]*)"(?=[,}\]])/g, '[[]]'],
        [/(?<=:)-?\d+/g, '"x"'],
        [/(?<=:)\d+/g, '99999999999999999999999'],
        [/(?<=:)\{/g, '[{'],
        [/(?<=:)\[[^[\]{}]*\]/g, '{"a":null}'],
        [/(?<=:)("[^"\\]*"|-?\d+)/g, 'null'],
      ] as const) {
        const text = sample.replace(from, to);
        turned.push(text.includes('[{') && to === '[{' ? text.replaceAll('}', '}]').replace(/\]$/, '') : text);
      }
      const { records, dead_letters } = await load(`${sample}\n${turned.join('\n')}\n`);
      const [{ made } = {}] = await ask('SELECT uniqExact(digest) AS made FROM runtime FINAL');
      expect(Number(made) + dead_letters).toBe(records);
    },
  );

  it.each([
    ['docker-container', JSON.stringify({ ...dockerContainer, Id: '' })],
    ['docker-image', JSON.stringify({ ...dockerImage, Id: null })],
    ['docker-event', '{"Type":"container","Action":"start","Actor":{"ID":"","Attributes":{}},"time":1795439398}'],
    ['docker-event without a time', `{"Type":"container","Action":"start","Actor":{"ID":"${CONTAINER}"}}`],
    ['cri-event', JSON.stringify({ ...criEvent('1', 'STARTED'), containerId: '' })],
    ['cri-event without a time', JSON.stringify({ ...criEvent('1', 'STARTED'), createdAt: 'never' })],
    ['cri-container', JSON.stringify({ status: { ...criContainer.status, id: '' } })],
    ['containerd-json', (containerdEvents.json[2] ?? '').replace(/"timestamp":"[^"]*"/, '"timestamp":"never"')],
    ['containerd-image', '{"name":"","target":{"digest":"sha256:1"}}'],
  ])('%s that does not say what it is of lacks its identity', async (_, record) => {
    await load(`${containerdEvents.text[0]}\n${record}\n`);
    expect(await ask('SELECT reason FROM dead_letters FINAL')).toEqual([{ reason: 'missing-identity' }]);
  });

  it('an image cannot hide its containers with labels that other formats are told by', async () => {
    const hiding = { ...dockerLabels, auditID: 'x', auditd: 'x', sequence: 'x', _AUDIT_ID: 'x', kind: 'Event' };
    const { Actor, ...event } = dockerEvent('1', 'start');
    const marked = { ...event, Actor: { ...Actor, Attributes: { ...Actor.Attributes, ...hiding } } };
    expect(await rowOf(dockerLine(marked))).toMatchObject(ofContainer);
    const Config = { ...dockerContainer.Config, Labels: hiding };
    expect(await rowOf({ ...dockerContainer, Config })).toMatchObject(ofContainer);
    const document = {
      observedAt: time('1'),
      namespace: 'k8s.io',
      id: CONTAINER,
      info: { ID: CONTAINER, Labels: { ...labels, ...hiding } },
    };
    expect(await rowOf(document)).toMatchObject(ofContainer);
  });
});
