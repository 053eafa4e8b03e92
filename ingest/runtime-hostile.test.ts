// Records of container runtimes that are damaged, lie about their types or would pass for something else.
import { describe, expect, it } from 'vitest';
import { ask, empty, load, ofContainer, rowOf, rows, time, useStore } from './test-support/runtime-rows.ts';
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

  const all = Object.values(samples);
  const linesOf = (texts: readonly (string | Buffer)[]) =>
    Buffer.concat(texts.flatMap((text) => [Buffer.from(text as string), Buffer.from('\n')]));

  it('with CRLF are the same rows', async () => {
    expect(await load(linesOf(all))).toMatchObject({ records: all.length, dead_letters: 0 });
    const expected = await rows();
    expect(expected).toHaveLength(all.length);
    await empty();
    await load(linesOf(all.map((sample) => `${sample}\r`)));
    expect(await rows()).toEqual(expected);
  });

  it('cut short are kept and told, and what follows is read', async () => {
    const cut = all.flatMap((sample) => [sample, sample.slice(0, -1), sample]);
    expect(await load(linesOf(cut))).toMatchObject({ records: 2 * all.length, duplicates: all.length });
    expect(await ask('SELECT reason FROM dead_letters FINAL')).toEqual(all.map(() => ({ reason: 'invalid-json' })));
    expect(await rows()).toHaveLength(all.length);
  });

  it('with bytes that are no UTF-8 are rows or dead letters', async () => {
    const broken = all.map((sample) => {
      const bytes = Buffer.from(sample.replace(/web|k8s/, 'w\u0001b'));
      bytes[bytes.indexOf(1)] = 0xff;
      return bytes;
    });
    const { records, dead_letters } = await load(linesOf([...all, ...broken]));
    expect(records).toBe(2 * all.length);
    expect((await rows()).length + dead_letters).toBe(records);
  });

  it('with every value of another type are rows or dead letters', async () => {
    const turned = all.flatMap((sample) =>
      (
        [
          [/"([^"\\]*)"(?=[,}\]])/g, '7'],
          [/"([^"\\]*)"(?=[,}\]])/g, '[[]]'],
          [/(?<=:)-?\d+/g, '"x"'],
          [/(?<=:)\d+/g, '99999999999999999999999'],
          [/(?<=:)\{/g, '[{'],
          [/(?<=:)\[[^[\]{}]*\]/g, '{"a":null}'],
          [/(?<=:)("[^"\\]*"|-?\d+)/g, 'null'],
        ] as const
      ).map(([from, to]) => {
        const text = sample.replace(from, to);
        return text.includes('[{') && to === '[{' ? text.replaceAll('}', '}]').replace(/\]$/, '') : text;
      }),
    );
    const { records, dead_letters } = await load(linesOf([...all, ...turned]));
    const [{ made } = {}] = await ask('SELECT uniqExact(digest) AS made FROM runtime FINAL');
    expect(records).toBeGreaterThan(5 * all.length); // some are the same turned as before
    expect(Number(made) + dead_letters).toBe(records);
  });

  it('that do not say what they are of lack their identity', async () => {
    const nameless = [
      JSON.stringify({ ...dockerContainer, Id: '' }),
      JSON.stringify({ ...dockerImage, Id: null }),
      '{"Type":"container","Action":"start","Actor":{"ID":"","Attributes":{}},"time":1795439398}',
      `{"Type":"container","Action":"start","Actor":{"ID":"${CONTAINER}"}}`,
      JSON.stringify({ ...criEvent('1', 'STARTED'), containerId: '' }),
      JSON.stringify({ ...criEvent('1', 'STARTED'), createdAt: 'never' }),
      JSON.stringify({ status: { ...criContainer.status, id: '' } }),
      (containerdEvents.json[2] ?? '').replace(/"timestamp":"[^"]*"/, '"timestamp":"never"'),
      '{"name":"","target":{"digest":"sha256:1"}}',
    ];
    await load(linesOf([containerdEvents.text[0] ?? '', ...nameless]));
    const reasons = await ask('SELECT reason FROM dead_letters FINAL');
    expect(reasons).toEqual(nameless.map(() => ({ reason: 'missing-identity' })));
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
