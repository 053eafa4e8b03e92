// What docker-compose.yml and deploy/ tell the program to do, held against the program: its commands, its options, what its configuration takes.
// That a manifest is one of Kubernetes, and the file one of Compose, was checked with their own tools (docs/how-to/deploy.md).
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseConfig } from '../../ingest/collect/config.ts';
import { vestige } from '../support/vestige.ts';

const read = (path: string) => readFileSync(path, 'utf8');
const inDirectory = (directory: string, name: RegExp) =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => name.test(file))
    .map((file) => join(directory, file));

interface Service {
  image: string;
  command?: string[];
  ports?: string[];
  environment?: Record<string, unknown>;
}
const compose: { services: Record<string, Service>; volumes: object } = parse(read('docker-compose.yml'), {
  merge: true,
});

interface Container {
  image: string;
  args: string[];
  volumeMounts?: { name: string; mountPath: string }[];
  securityContext: { capabilities: { drop: string[]; add?: string[] } };
}
interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string };
  spec?: unknown;
}
const manifestFiles = inDirectory('deploy/kubernetes', /\.yaml$/);
const manifests = manifestFiles.flatMap((file) =>
  parseAllDocuments(read(file)).map((document) => {
    expect(document.errors, file).toEqual([]);
    return document.toJS() as Manifest;
  }),
);
const containersOf = (value: unknown): Container[] => {
  if (typeof value !== 'object' || value === null) return [];
  const own = 'containers' in value && Array.isArray(value.containers) ? (value.containers as Container[]) : [];
  return [...own, ...Object.values(value).flatMap(containersOf)];
};
const containers = manifests.flatMap(({ spec }) => containersOf(spec));

const unitLines = inDirectory('deploy/node', /\.service$|vestige-audisp$/).flatMap((file) =>
  [...read(file).matchAll(/\/opt\/vestige\/dist\/vestige\.js (.*)/g)].map(([, line = '']) => line.split(' ')),
);
const commandLines = [
  ...Object.values(compose.services).flatMap(({ image, command }) =>
    image.startsWith('vestige:') && command ? [command] : [],
  ),
  ...containers.map(({ args }) => args),
  ...unitLines,
];

describe('what is deployed', () => {
  it('runs commands that the program has, with options that it takes', async () => {
    expect(commandLines.length).toBeGreaterThanOrEqual(14);
    // the one thing wrong with each of them is what was added here, and nothing runs
    const wrong = '--no-such-option';
    const lines = new Map(commandLines.map((line) => [line.join(' '), line]));
    const ends = await Promise.all([...lines.values()].map((line) => vestige(...line, wrong)));
    expect(ends.map(({ code, err }) => ({ code, said: err.trim() }))).toEqual(
      ends.map(() => ({ code: 2, said: `error: unknown option '${wrong}'` })),
    );
  });

  const configs = inDirectory('deploy', /(collect|webhook)\.yml$/);

  it('configures collectors as the program understands it', () => {
    expect(configs).toHaveLength(4);
    for (const file of configs) expect(parseConfig(parse(read(file)), file).to, file).toMatch(/^kafka:\/\//);
  });

  it('has a program that reads such a file', async () => {
    // an address that is none is refused after the file was read: nothing is collected
    const ended = await vestige('collect', 'auditd', '--config', 'deploy/compose/collect.yml', '--to', 'kafka://');
    expect(ended).toMatchObject({ code: 2, err: expect.stringMatching(/not an address of Kafka/) });
  });

  it('names the release of every image, and none twice in different releases', () => {
    const images = Object.values(compose.services).map(({ image }) => image);
    for (const image of images) expect(image).toMatch(/:\d+\.\d+[\w.-]*$/);
    const bases = [...read('Dockerfile').matchAll(/^FROM (node:\S+)/gm)].map(([, image]) => image);
    expect(new Set(bases).size).toBe(1);
    const { images: pinned } = parse(read('deploy/kubernetes/kustomization.yaml'));
    expect(pinned).toMatchObject([{ name: 'vestige', newTag: expect.stringMatching(/^\d/) }]);
    expect(new Set(containers.map(({ image }) => image))).toEqual(new Set(['vestige']));
  });

  it('opens no port beyond this host', () => {
    const ports = Object.values(compose.services).flatMap((service) => service.ports ?? []);
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('holds no secret', () => {
    expect(manifests.map(({ kind }) => kind)).not.toContain('Secret');
    expect(read('.env.example')).toMatch(/^CLICKHOUSE_PASSWORD=$/m);
    const passwords = Object.values(compose.services).flatMap(({ environment = {} }) =>
      Object.values(environment).filter((value) => /password/i.test(String(value))),
    );
    expect(passwords.length).toBeGreaterThan(0);
    for (const value of passwords) expect(value).toContain('${CLICKHOUSE_PASSWORD:?');
  });

  it('takes all capabilities from every container, and gives back the one that is explained', () => {
    expect(containers.length).toBeGreaterThanOrEqual(7);
    for (const { securityContext } of containers) expect(securityContext.capabilities.drop).toEqual(['ALL']);
    const added = containers.flatMap(({ securityContext }) => securityContext.capabilities.add ?? []);
    expect(added).toEqual(['SYS_PTRACE']);
  });

  it('lists every manifest in the kustomization, and nothing that is not there', () => {
    const { resources } = parse(read('deploy/kubernetes/kustomization.yaml')) as { resources: string[] };
    const here = manifestFiles.map((file) => file.replace('deploy/kubernetes/', ''));
    expect(resources.toSorted()).toEqual(here.filter((file) => !/kustomization|api-server/.test(file)).toSorted());
  });

  it('audits on a node in both word sizes, and locks the rules last', () => {
    const rules = read('deploy/node/vestige.rules')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(rules.at(0)).toBe('-D');
    expect(rules.at(-1)).toBe('-e 2');
    const always = rules.filter((rule) => rule.startsWith('-a always,exit'));
    expect(always.length).toBeGreaterThan(15);
    for (const rule of always) expect(rule).toMatch(/ -F arch=b(32|64) -S \S+ .*-k [\w-]+$/);
  });
});
