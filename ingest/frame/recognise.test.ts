import { describe, expect, it } from 'vitest';
import {
  containerdEvents,
  containerdImage,
  containerdImageFetched,
  criContainer,
  criContainerReply,
  criEvent,
  criEventInSnakeCase,
  criImage,
  criSandbox,
  dockerContainer,
  dockerEvent,
  dockerImage,
  oldPodmanEvent,
  podmanContainer,
  podmanEvent,
  podmanImage,
} from '../test-support/runtime-samples.ts';
import { recognise } from './recognise.ts';

describe('a line is recognised by its content', () => {
  it.each([
    [
      'k8s-audit',
      '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"4f48","stage":"ResponseComplete"}',
    ],
    ['k8s-audit', '{"auditID":"4f48","stage":"Resp'], // half written: still of that source
    ['auditd', 'type=SYSCALL msg=audit(1795439390.632:9989): arch=c000003e'],
    ['auditd', 'node=worker-1 type=SYSCALL msg=audit(1795439390.632:9989): arch=c000003e\r'],
    ['containerd-event', '2026-11-23 13:09:55.919911582 +0000 UTC k8s.io /snapshot/prepare {"key":"7a43"}'],
    ['containerd-event', '2026-11-23 13:09:55 +0000 UTC moby /tasks/exit {}'],
    [
      'containerd-container',
      '{"observedAt":"2026-11-23T13:09:55.923Z","namespace":"k8s.io","id":"7a","info":{"ID":"7a43"}}',
    ],
    ['unknown', ''],
    ['unknown', '{"a":1}'],
    ['unknown', 'type=SYSCALL msg=audit(x): arch'],
    ['unknown', 'Nov 23 13:09:55 worker-1 audit: type=SYSCALL'],
    ['unknown', '\0\0\0\0'],
    ['unknown', '2026-11-23 13:09:55.9 +0100 CET k8s.io /tasks/exit {}'],
  ])('%s: %s', (format, line) => {
    expect(recognise(Buffer.from(line))).toBe(format);
  });

  it('at once, however long it is', () => {
    const start = performance.now();
    for (const text of ['x'.repeat(5e6), `{${' '.repeat(5e6)}`, `type=${'A'.repeat(5e6)}`])
      recognise(Buffer.from(text));
    expect(performance.now() - start).toBeLessThan(500);
  });
});

describe('JSON of container runtimes', () => {
  const samples: [string, string | object][] = [
    ...Object.values(containerdEvents).flatMap((lines, i): [string, string][] =>
      i === 0 ? [] : lines.map((line) => ['containerd-json', line]),
    ),
    ['containerd-image', containerdImage],
    ['containerd-image', containerdImageFetched],
    ['docker-event', dockerEvent('1', 'start')],
    ['docker-container', dockerContainer],
    ['docker-image', dockerImage],
    ['cri-event', criEvent('1', 'STARTED')],
    ['cri-event', criEventInSnakeCase('1', 0)],
    ['cri-event', criEventInSnakeCase('1', 1)],
    ['cri-container', criContainer],
    ['cri-container', criContainerReply],
    ['cri-sandbox', criSandbox],
    ['cri-image', criImage],
    ['podman-event', podmanEvent('1', 'died', '"ContainerExitCode":0,')],
    ['podman-event', oldPodmanEvent],
    ['podman-container', podmanContainer],
    ['podman-image', podmanImage],
  ];
  const parsed = samples.map(([format, sample]): [string, object] => [
    format,
    typeof sample === 'string' ? JSON.parse(sample) : sample,
  ]);
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sorted);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, inner]) => [name, sorted(inner)]),
    );
  };

  it.each(parsed)('%s: as it is written, printed for people, and with its names sorted', (format, sample) => {
    for (const text of [
      JSON.stringify(sample),
      `${JSON.stringify(sample)}\r`,
      JSON.stringify(sample, null, 4),
      JSON.stringify(sorted(sample)),
    ])
      expect(recognise(Buffer.from(text))).toBe(format);
  });

  it.each(parsed)('%s inside another record is not taken for one', (_, sample) => {
    const text = JSON.stringify(sample);
    for (const around of [{ log: text }, { log: sample }, { kind: 'Event', ...sample }, { message: [sample] }])
      expect(recognise(Buffer.from(JSON.stringify(around)))).toBe('unknown');
    // the API server logs what clients send; auditd's shippers add what they know of the host
    const audit = { kind: 'Event', level: 'Request', auditID: 'x', requestObject: sample, ...sample };
    expect(recognise(Buffer.from(JSON.stringify(audit)))).toBe('k8s-audit');
    const laurel = { ID: '1795439398.624:1', SYSCALL: {}, CONTAINER_INFO: sample };
    expect(recognise(Buffer.from(JSON.stringify(laurel)))).toBe('laurel');
    const beat = { '@timestamp': 'x', auditd: { sequence: 1 }, container: sample };
    expect(recognise(Buffer.from(JSON.stringify(beat)))).toBe('auditbeat');
  });

  it.each([
    // a pod, and the status of some other program
    '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},"status":{"id":"x","metadata":{},"createdAt":"x"}}',
    '{"status":{"id":"x"},"info":{}}',
    // a change of state, a log of the same names
    '{"Type":"warning","Status":"ok","Name":"disk","Time":"2026-11-23T13:09:55Z"}',
    '{"Type":"container","Action":"start"}',
    '{"Type":"click","Action":"open","Actor":{"ID":"alice"},"time":1}',
    '{"timestamp":"2026-11-23T13:09:55Z","namespace":"shop","topic":"orders","event":{"id":1}}',
    '{"container_id":"x","message":"hello"}',
    '{"Id":"x","Config":{},"State":{}}',
    '{"Id":"x","Names":["/web"],"Image":"web","State":"running","HostConfig":{"NetworkMode":"default"},"Mounts":[]}',
    '{"name":"deploy","target":{"id":"sha256:1"}}',
    '{"Id":"x","RepoTags":["a:1"]}',
    '["Type","Action","Actor"]',
    '{"a":"\\"Type\\":\\"container\\",\\"Action\\":\\"start\\",\\"Actor\\":{\\"ID\\":1}"}',
  ])('near misses are left alone: %s', (line) => {
    expect(recognise(Buffer.from(line))).toBe('unknown');
  });

  it('half written, is that of its beginning, as far as that tells', () => {
    const text = JSON.stringify(dockerEvent('1', 'start'));
    expect(recognise(Buffer.from(text.slice(0, -20)))).toBe('docker-event');
    for (let bytes = 0; bytes < text.length; bytes++)
      expect(['docker-event', 'unknown']).toContain(recognise(Buffer.from(text.slice(0, bytes))));
  });

  it('is told at once, however long a line is', () => {
    const start = performance.now();
    for (const filler of ['"a":1,'.repeat(1e6), '{'.repeat(5e6), `"a":"${'\\"'.repeat(2e6)}",`, '"'.repeat(5e6)])
      recognise(Buffer.from(`{"Id":"x","status":{},${filler}`));
    expect(performance.now() - start).toBeLessThan(500);
  });
});
