// From the moment a line is written into the API server's log to the moment a query finds its row: log, collector, spool, Kafka, loader, store,
// each a process of its own where it is one in use.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { askStore } from './asked-store.ts';
import { generateEvents } from './k8s-events.ts';
import { busySeconds, startVestige, until } from './running.ts';
import { type Pace, type Tick, writeLog } from './writer.ts';

export interface DelayFigures {
  events: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  maxMs: number;
  /** Of one processor, while the log was written. */
  collectorLoad: number;
  loaderLoad: number;
  /** Of all processors of the machine, all programs. */
  machineLoad: number;
}

/** When a query found so many rows. */
type Sight = readonly [atMs: number, rows: number];

const POLL_MS = 100;
const nowMs = () => performance.timeOrigin + performance.now();

export async function measureDelay(
  place: { broker: string; directory: string; warmUpSeconds: number } & Pace,
): Promise<DelayFigures> {
  const directory = join(place.directory, 'delay');
  const at = (name: string) => join(directory, name);
  mkdirSync(at('log'), { recursive: true });
  const { perSecond, seconds, warmUpSeconds } = place;
  const events = perSecond * (seconds + warmUpSeconds);
  generateEvents(at('events.log'), events);
  const texts = readFileSync(at('events.log'), 'latin1').split(/(?<=\n)/);
  const log = at('log/audit.log');
  writeFileSync(log, '');
  const to = `kafka://${place.broker}/bench-delay.`;
  const collect = ['collect', 'k8s-audit', '--log', log, '--to', to, '--spool', at('spool')];
  const programs = {
    collector: startVestige(collect),
    loader: startVestige(['--store', `embedded:${at('store')}`, 'load', '--from', to, '--group', 'bench-delay']),
  };
  const store = askStore(at('store'));
  try {
    // its notice has come the whole way
    await until('the notice of the collector is in the store', async () => {
      for (const program of Object.values(programs)) program.cpuSeconds(); // or it ended
      return (await store.ask('SELECT count() AS n FROM collector_notices'))?.['n'] !== undefined;
    });
    const sights: Sight[] = [];
    const count = async () => {
      const row = await store.ask("SELECT count() AS n FROM records WHERE source = 'k8s-audit'");
      if (row !== undefined) sights.push([nowMs(), Number(row['n'])]);
    };
    const cost = () => ({
      ...{ collector: programs.collector.cpuSeconds(), loader: programs.loader.cpuSeconds() },
      ...{ machine: busySeconds(), atMs: nowMs() },
    });
    const before = cost();
    const writing = writeLog(directory, texts, { to: log, perSecond, seconds: seconds + warmUpSeconds });
    let after = before;
    let isWritten = false;
    const written = writing.then((ticks) => {
      after = cost();
      isWritten = true;
      return ticks;
    });
    for (; !isWritten; await sleep(POLL_MS)) await count();
    const isAll = async () => {
      await count();
      return (sights.at(-1)?.[1] ?? 0) >= events;
    };
    await until('all lines in the store', isAll, { everyMs: POLL_MS });
    const load = (name: 'collector' | 'loader' | 'machine') =>
      (1000 * (after[name] - before[name])) / (after.atMs - before.atMs);
    return {
      events,
      ...quantiles(delays(await written, sights, perSecond * warmUpSeconds)),
      ...{ collectorLoad: load('collector'), loaderLoad: load('loader'), machineLoad: load('machine') },
    };
  } finally {
    await store.close();
    for (const program of Object.values(programs)) await program.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Of every line behind the first `skip`. Lines of one log keep their order up to the store: the nth row found is the nth line. */
function delays(ticks: readonly Tick[], sights: readonly Sight[], skip: number): number[] {
  const found: number[] = [];
  let sight = 0;
  let line = 0;
  for (const [atMs, lines] of ticks) {
    for (; line < lines; line++) {
      while (sight < sights.length && (sights[sight] as Sight)[1] <= line) sight++;
      const [seenMs] = sights[sight] ?? [Number.POSITIVE_INFINITY];
      if (line >= skip) found.push(seenMs - atMs);
    }
  }
  return found.sort((a, b) => a - b);
}

function quantiles(sorted: readonly number[]) {
  const of = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
  return { p50Ms: of(0.5), p95Ms: of(0.95), p99Ms: of(0.99), maxMs: of(1) };
}
