// From the node to the store, part by part, beside one real broker: figures as lines of the bench.
import { startBroker } from '../../support/kafka.ts';
import { type Line, noteLine, rateLine, ratioLine } from '../report.ts';
import { type CollectorFigures, measureAuditdCollector } from './auditd-collector.ts';
import { type DelayFigures, measureDelay } from './delay.ts';
import { type LoaderFigures, measureLoader } from './loader.ts';
import { BATCHES, measureWebhook, SINGLE_EVENTS, type WebhookFigures } from './webhook.ts';

export const PIPELINE_PARTS = ['loader', 'delay', 'auditd-collector', 'webhook'] as const;
export type PipelinePart = (typeof PIPELINE_PARTS)[number];

/** How much is measured. */
export const PIPELINE_LOAD = {
  loader: { events: 200_000 },
  delay: { perSecond: 5_000, seconds: 20, warmUpSeconds: 5 },
  // just-in-time compiled code is compiled by then: a collector runs for weeks
  'auditd-collector': { perSecond: 1_000, seconds: 20, warmUpSeconds: 10 },
  webhook: { perSecond: 2_000, seconds: 20, warmUpSeconds: 10 },
  // as --audit-webhook-mode=blocking sends them: each costs a request, here and at the client that shares the processors
  'single-events': { perSecond: 500, seconds: 20, warmUpSeconds: 10 },
} as const;

export async function measurePipeline(parts: readonly PipelinePart[], directory: string): Promise<Line[]> {
  const broker = await startBroker();
  const place = { broker: broker.brokers[0] as string, directory };
  const measure: Record<PipelinePart, () => Promise<Line[]>> = {
    loader: async () => ofLoader(await measureLoader({ ...place, ...PIPELINE_LOAD.loader })),
    delay: async () => ofDelay(await measureDelay({ ...place, ...PIPELINE_LOAD.delay })),
    'auditd-collector': async () =>
      ofAuditdCollector(await measureAuditdCollector({ ...place, ...PIPELINE_LOAD['auditd-collector'] })),
    webhook: async () => [
      ...ofWebhook('webhook', await measureWebhook({ ...place, ...PIPELINE_LOAD.webhook }, BATCHES)),
      ...ofWebhook(
        'webhook, single events',
        await measureWebhook({ ...place, ...PIPELINE_LOAD['single-events'] }, SINGLE_EVENTS),
      ),
    ],
  };
  try {
    const lines: Line[] = [];
    for (const part of parts) lines.push(...(await measure[part]()));
    return lines;
  } finally {
    await broker.remove();
  }
}

const LOADER_LEAST = 60_000;
const DELAY_MS_MOST = 1_500;
const COLLECTOR_BYTES_MOST = 120e6;
const ANSWER_MS_MOST = 20;

const us = (seconds: number, events: number) => `${((1e6 * seconds) / events).toFixed(1)} us an event`;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
const ms = (n: number) => `${n.toFixed(0)} ms`;

function ofLoader(f: LoaderFigures): Line[] {
  const loading = f.cpuSeconds - f.startCpuSeconds;
  const events = f.events - f.startEvents;
  const whole = `${us(loading, events)}; ${f.cpuSeconds.toFixed(1)} s with its start of ${f.startCpuSeconds.toFixed(1)} s`;
  return [
    noteLine('loader: topic', `${f.events} events, level Metadata, ${f.eventBytes.toFixed(0)} bytes each`),
    rateLine('loader: events a second a core', events / loading, LOADER_LEAST, whole),
    noteLine('loader: of that kafkajs', us(f.kafkaCpuSeconds, f.events)),
    noteLine('loader: ingest of the same events', us(f.ingestCpuSeconds, f.events)),
    noteLine('loader: peak memory', `${megabytes(f.peakBytes)}, ${f.wallSeconds.toFixed(1)} s elapsed`),
  ];
}

function ofDelay(f: DelayFigures): Line[] {
  const load = `of two cores: collector ${f.collectorLoad.toFixed(2)}, loader ${f.loaderLoad.toFixed(2)}, all programs ${f.machineLoad.toFixed(2)}`;
  return [
    ratioLine(
      'delay: from line to row, p95 / 1.5 s',
      f.p95Ms / DELAY_MS_MOST,
      1,
      `p50 ${ms(f.p50Ms)}, p95 ${ms(f.p95Ms)}, p99 ${ms(f.p99Ms)}`,
    ),
    noteLine('delay: busy', load),
  ];
}

function ofAuditdCollector({ events, log, plugin, laurel }: CollectorFigures): Line[] {
  const cost = (cpuSeconds: number) => us(cpuSeconds, events);
  return [
    ...(laurel === undefined
      ? [
          noteLine('auditd collector: LAUREL', 'not installed here (Debian package laurel)'),
          noteLine('auditd collector: log', cost(log.cpuSeconds)),
          noteLine('auditd collector: plugin', cost(plugin.cpuSeconds)),
        ]
      : (['log', 'plugin'] as const).map((way) => {
          const { cpuSeconds } = way === 'log' ? log : plugin;
          const detail = `${cost(cpuSeconds)} / ${cost(laurel.cpuSeconds)}`;
          return ratioLine(`auditd collector: ${way} / LAUREL`, cpuSeconds / laurel.cpuSeconds, 1, detail);
        })),
    noteLine('auditd collector: idle', `${(100 * log.idleLoad).toFixed(0)} % of a processor`),
    ratioLine(
      'auditd collector: peak memory / 120 MB',
      Math.max(log.peakBytes, plugin.peakBytes) / COLLECTOR_BYTES_MOST,
      1,
      `${megabytes(log.peakBytes)}, as a plugin ${megabytes(plugin.peakBytes)}`,
    ),
  ];
}

function ofWebhook(name: string, f: WebhookFigures): Line[] {
  const detail = `p50 ${f.p50Ms.toFixed(1)} ms, p99 ${f.p99Ms.toFixed(1)} ms, ${f.batches} requests, ${f.failed} refused`;
  const { over, growing } = f.disk;
  const of = ({ p50Ms, p99Ms }: typeof over) => `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
  return [
    ratioLine(`${name}: answer p99 / 20 ms`, f.p99Ms / ANSWER_MS_MOST, 1, detail),
    noteLine(`${name}: the disk alone`, `${of(over)}; a file that grows ${of(growing)}`),
    noteLine(`${name}: the client`, `wakes late, p99 ${f.lateP99Ms.toFixed(1)} ms (not counted)`),
    noteLine(`${name}: processor time`, `${us(f.cpuSeconds, f.events)}, peak ${megabytes(f.peakBytes)}`),
  ];
}
