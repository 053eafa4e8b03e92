// What ingest costs, as ratios to what others take for the same bytes on the same machine in the same run.
// npm run bench [-- --full] [-- --up-to EVENTS] [-- --only PART]: --full measures larger logs, --up-to doubles the log until that many events.
// Parts: k8s, auditd, sample, entities, rules; pipeline (from the node to the store, beside a real Kafka), or one of it: loader, delay, auditd-collector, webhook.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { isAvailable } from '../support/kafka.ts';
import { measureEntities } from './entities/entities.ts';
import { generateFile } from './generate/generate.ts';
import type { Kind } from './generate/shapes.ts';
import { type Cost, measureNode, median } from './measure.ts';
import { measureAusearch, measureLaurel } from './others.ts';
import { measurePipeline, PIPELINE_PARTS } from './pipeline/pipeline.ts';
import { type Line, noteLine, print, ratioLine } from './report.ts';
import { measureRules } from './rules/rules.ts';
import { type Sizes, sizesOf } from './sizes.ts';

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    'up-to': { type: 'string' },
    only: { type: 'string' },
    repeat: { type: 'string', default: '3' },
    keep: { type: 'string' },
  },
});
const PROGRAM = resolve('dist/vestige.js');
const EVENTS: Record<Exclude<Kind, 'runtime'>, number> = { k8s: 300_000, auditd: 200_000 };
const PEAK_BYTES_MAX = 1e9;
const DISK_MOST = 0.25;
const DOUBLE_MOST = 2.1;
const repeat = Number(values.repeat);
const directory = values.keep ?? mkdtempSync(join(tmpdir(), 'vestige-bench-'));
const lines: Line[] = [];
const store = join(directory, 'store');
const seconds = (c: Cost) => `${c.cpuSeconds.toFixed(2)} s`;

function log(kind: Kind, events: number): string {
  const path = join(directory, `${kind}-${events}.log`);
  generateFile(path, { kind, events, seed: 1, fixtures: 'test/fixtures/recordings' });
  return path;
}

function ingest(path: string): Cost {
  rmSync(store, { recursive: true, force: true });
  return measureNode(PROGRAM, ['--store', `embedded:${store}`, 'ingest', path]);
}

function insertLines(path: string): Cost {
  const target = join(directory, 'lines');
  rmSync(target, { recursive: true, force: true });
  return measureNode(resolve('test/bench/insert-lines.mjs'), [path, target]);
}

const repeated = (work: () => Cost): Cost => median(Array.from({ length: repeat }, work));

function sizeLines(kind: Kind, sizes: Sizes, rawBytes: number): Line[] {
  const part = (bytes: number) => `${(bytes / rawBytes).toFixed(4)}  ${(bytes / 1e6).toFixed(1)} MB`;
  return [
    ratioLine(`${kind}: bytes on disk / raw bytes, all tables`, sizes.bytes / rawBytes, DISK_MOST),
    ...sizes.tables.slice(0, 4).map((t) => noteLine(`  table ${t.name}`, `${part(t.bytes)}  ${t.rows} rows`)),
    ...sizes.columns.map((c) => noteLine(`    column ${c.name}`, part(c.bytes))),
  ];
}

// Twice the log, twice the cost: each size against the one before; the last one tells of memory, too.
function doubling(kind: 'k8s' | 'auditd', first: number, upTo: number): Line[] {
  const found: Line[] = [];
  let before: Cost | undefined;
  for (let events = first; events <= upTo; events *= 2) {
    const path = log(kind, events);
    const cost = ingest(path);
    rmSync(path);
    const detail = `${events} events: ${seconds(cost)}, peak ${Math.round(cost.peakBytes / 1e6)} MB`;
    if (before)
      found.push(ratioLine(`${kind}: twice the events`, cost.cpuSeconds / before.cpuSeconds, DOUBLE_MOST, detail));
    else found.push(noteLine(`${kind}: ${events} events`, detail));
    found.push(ratioLine(`${kind}: peak memory of ${events} events / 1 GB`, cost.peakBytes / PEAK_BYTES_MAX, 1));
    before = cost;
  }
  return found;
}

async function kubernetes(): Promise<void> {
  const path = log('k8s', EVENTS.k8s);
  const bytes = statSync(path).size;
  const insert = repeated(() => insertLines(path));
  const ours = repeated(() => ingest(path));
  lines.push(
    noteLine('k8s: log', `${EVENTS.k8s} events, ${(bytes / 1e6).toFixed(0)} MB`),
    ratioLine(
      'k8s: ingest / mere insert of the lines',
      ours.cpuSeconds / insert.cpuSeconds,
      4,
      `${seconds(ours)} / ${seconds(insert)}`,
    ),
    ratioLine(
      'k8s: peak memory / 1 GB',
      ours.peakBytes / PEAK_BYTES_MAX,
      1,
      `${ours.wallSeconds.toFixed(1)} s elapsed`,
    ),
    ...sizeLines('k8s', await sizesOf(store), bytes),
  );
  rmSync(path);
}

async function auditd(): Promise<void> {
  const path = log('auditd', EVENTS.auditd);
  const bytes = statSync(path).size;
  const ours = repeated(() => ingest(path));
  const laurel = measureLaurel(path, directory, repeat);
  const ausearch = measureAusearch(path, repeat);
  lines.push(
    noteLine('auditd: log', `${EVENTS.auditd} events, ${(bytes / 1e6).toFixed(0)} MB, ingest ${seconds(ours)}`),
    laurel
      ? ratioLine(
          `auditd: ingest / ${laurel.version}`,
          ours.cpuSeconds / laurel.cost.cpuSeconds,
          0.5,
          `${seconds(ours)} / ${seconds(laurel.cost)}`,
        )
      : noteLine('auditd: ingest / LAUREL', 'not installed here (Debian package laurel)'),
    noteLine(
      'auditd: ingest / ausearch --format csv',
      ausearch ? (ours.cpuSeconds / ausearch.cpuSeconds).toFixed(2) : 'not installed here (Debian package auditd)',
    ),
    ratioLine(
      'auditd: peak memory / 1 GB',
      ours.peakBytes / PEAK_BYTES_MAX,
      1,
      `${ours.wallSeconds.toFixed(1)} s elapsed`,
    ),
    ...sizeLines('auditd', await sizesOf(store), bytes),
  );
  rmSync(path);
}

// How long a responder waits: the sample intrusion from its logs to its chain.
function sample(): void {
  const recording = 'test/fixtures/recordings/web-to-cluster';
  const imported = repeated(() => ingest(recording));
  const correlated = measureNode(PROGRAM, ['--store', `embedded:${store}`, 'correlate']);
  const told = (c: Cost) =>
    `${c.wallSeconds.toFixed(1)} s elapsed, ${seconds(c)} of processor, peak ${(c.peakBytes / 1e6).toFixed(0)} MB`;
  lines.push(
    noteLine('sample: import of 26 MB', told(imported)),
    noteLine('sample: correlate to its chain', told(correlated)),
  );
}

const wanted = (kind: Kind | 'sample' | 'entities' | 'rules') => values.only === undefined || values.only === kind;
try {
  if (wanted('k8s')) await kubernetes();
  if (wanted('auditd')) await auditd();
  if (wanted('sample')) sample();
  if (wanted('entities')) lines.push(...measureEntities(values.full ? 1_000_000 : 200_000, directory, PROGRAM));
  if (wanted('rules')) lines.push(...measureRules(values.full ? 1_000_000 : 250_000, directory, PROGRAM));
  const upTo = Number(values['up-to'] ?? (values.full ? 1_600_000 : 200_000));
  if (wanted('k8s')) lines.push(...doubling('k8s', 50_000, upTo));
  if (wanted('auditd')) lines.push(...doubling('auditd', 50_000, upTo));
  const parts = PIPELINE_PARTS.filter((part) => [undefined, 'pipeline', part].includes(values.only));
  if (parts.length > 0 && isAvailable()) lines.push(...(await measurePipeline(parts, directory)));
  print(lines);
} finally {
  if (values.keep === undefined) rmSync(directory, { recursive: true, force: true });
}
