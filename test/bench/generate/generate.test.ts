// The generator: sizes as asked, every record once, the same bytes for the same seed, names that stay together.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { generateFile } from './generate.ts';
import type { Kind } from './shapes.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-generate-'));
const fixtures = 'test/fixtures/recordings';
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function generate(kind: Kind, events: number, seed = 1) {
  const path = join(directory, `${kind}-${events}-${seed}`);
  const made = generateFile(path, { kind, events, seed, fixtures });
  const bytes = readFileSync(path);
  return { made, bytes, lines: bytes.toString('latin1').split('\n').slice(0, -1) };
}

describe('a generated log', () => {
  // more than once through all recordings
  it.each<[Kind, number]>([
    ['k8s', 15_000],
    ['auditd', 70_000],
    ['runtime', 8_000],
  ])('of %s has as many events as asked for, none twice', (kind, events) => {
    const { made, bytes, lines } = generate(kind, events);
    expect(made).toEqual({ events, lines: lines.length, bytes: bytes.length });
    const keys = kind === 'auditd' ? lines.map((line) => /audit\(([\d.:]+)\)/.exec(line)?.[1]) : lines;
    expect(new Set(keys).size).toBe(events);
  });

  it('is the same for the same seed, another for another', () => {
    const one = generate('k8s', 500).bytes;
    expect(generate('k8s', 500).bytes.equals(one)).toBe(true);
    expect(generate('k8s', 500, 2).bytes.equals(one)).toBe(false);
  });

  it('goes through time once, each pass after the one before', () => {
    const seconds = generate('k8s', 15_000).lines.map((line) =>
      Date.parse(/"stageTimestamp":"([^"]+)"/.exec(line)?.[1] ?? ''),
    );
    expect(seconds.every(Number.isFinite)).toBe(true);
    for (let i = 1; i < seconds.length; i++)
      expect(Number(seconds[i])).toBeGreaterThan(Number(seconds[i - 1]) - 60_000);
  });

  it('calls a container by one name wherever it is named', () => {
    const { lines } = generate('runtime', 3000);
    const started = lines.flatMap((line) => /\/tasks\/start \{"container_id":"(\w{64})"/.exec(line)?.[1] ?? []);
    const documents = new Set(lines.flatMap((line) => /"info":\{"ID":"(\w{64})"/.exec(line)?.[1] ?? []));
    const matched = started.filter((id) => documents.has(id)).length;
    expect(started.length).toBeGreaterThan(100);
    expect(matched / started.length).toBeGreaterThan(0.9);
  });
});
