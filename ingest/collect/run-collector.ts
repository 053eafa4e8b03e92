// One collector, from its source to its sink: what it emits is spooled, committed together, and drained; what it, the spool or the clock
// tells is spooled as notices. The whole of `vestige collect` below the command line.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Entry } from '../spool/entry.ts';
import type { Gap } from '../spool/gap.ts';
import type { RecordMeta } from '../spool/record-meta.ts';
import { openSpool, type Spool } from '../spool/spool.ts';
import type { Sink } from '../transport/sink.ts';
import type { Collected, Collector, CollectorPlace } from './collector.ts';
import { drain } from './drain.ts';
import { readBootId, readClockState, uptimeS } from './node-state.ts';
import { createNoticeWriter, type NoticeKind } from './notices.ts';

export interface RunOptions {
  /** What is collected, and what is said of it when it itself says nothing. */
  source: Collected['source'];
  cluster: string;
  /** Empty for a collector beside the API server. */
  node: string;
  /** Names this collector in envelopes: `auditd@worker-1`. */
  name: string;
  stream: string;
  /** Whether the collector reads again what it could not hand on; else it is lost, and told as a gap. */
  readsAgain: boolean;
  /** Whether somebody waits for what is collected: then the collector commits it, and nothing else does. */
  acknowledges?: boolean;
  program: string;
  spool: { directory: string; bytesMax: number; ageMsMax: number };
}

interface Dependencies {
  collector: Collector;
  sink: Sink;
  now: () => Date;
  say: (text: string) => void;
  stop: AbortSignal;
}

const SEGMENTS_PER_SPOOL = 16;
// The next one is made of zeros beforehand, and the disk has two of them while a node is idle.
const SEGMENT_BYTES_MAX = 16 * 1024 * 1024;
const HEARTBEAT_MS = 10_000;
// What is not waited for (lines of a log) is committed this often: a record is on its way within a fraction of a second. What is waited for would
// wait twice, where a part of it went to the disk a moment before the rest: once for that, once for itself.
const COMMIT_MS = 100;
const COMMIT_BYTES = 1024 * 1024;
// At the end what is spooled may still go, for so long; the rest goes after the next start.
const DRAIN_MS_MAX = 5_000;
// Time that ran differently on the wall and by the clock nobody sets: more than a clock is slewed by in a heartbeat.
const CLOCK_STEP_MS = 500;

/** Resolves once `stop` was aborted and all that was collected is on disk. @throws SpoolBusyError, or what the collector throws */
export async function runCollector(options: RunOptions, deps: Dependencies): Promise<{ records: number }> {
  const { collector, sink, now, say, stop } = deps;
  const bootId = readBootId();
  const notices = createNoticeWriter(options);
  let clock = await readClockState();
  const counts = { records: 0, bytesToCommit: 0 };
  const lost = createLosses(options, now);
  const early: Gap[] = [];
  let spool: Spool | undefined;

  const metaOf = (collected: Omit<Collected, 'source' | 'raw'>, source: RecordMeta['source']): RecordMeta => ({
    source,
    cluster: options.cluster,
    node: source === 'k8s-audit' ? '' : collected.node || options.node,
    collector: options.name,
    boot_id: bootId,
    received_at: now().getTime() * 1000,
    stream: collected.stream,
    position: collected.position,
    lines: collected.lines,
    attrs: { ...collected.attrs },
  });
  const append = (entry: Entry): boolean => spool?.append(entry) === true;
  let noticesWritten = 0;
  let noticesCommitted = 0;
  const notice = (kind: NoticeKind, gap?: Gap): boolean => {
    const state = { ...clock, uptime_s: uptimeS(), records: counts.records };
    const more = { waiting_bytes: spool?.bytesWaiting() ?? 0, torn_bytes: spool?.tornBytes ?? 0 };
    const raw = notices.write(kind, now(), { ...state, ...more }, gap);
    const about = { stream: options.name, position: noticesWritten++, lines: 1, attrs: { notice: kind } };
    return append({ kind: 'record', meta: metaOf(about, 'collector'), raw });
  };
  // before the spool is open, and while nothing can be written, gaps wait
  const report = (gap: Gap): void => {
    if (early.length > 0 || !notice('gap', gap)) early.push(gap);
  };
  const reportEarly = (): void => {
    while (early[0] !== undefined && notice('gap', early[0])) early.shift();
  };

  spool = await openSpool({
    ...options.spool,
    segmentBytes: Math.min(SEGMENT_BYTES_MAX, Math.ceil(options.spool.bytesMax / SEGMENTS_PER_SPOOL)),
    boot: { id: bootId, uptimeS },
    source: options.source,
    now,
    onGap: report,
  });
  const open = spool;
  if (open.tornBytes > 0)
    say(
      `${open.tornBytes} bytes at the end of the spool were torn by a crash and are cut off; they were never acknowledged`,
    );
  notice('started');
  reportEarly();

  const commitAll = createCommit(open, say);
  const commit = async (): Promise<void> => {
    counts.bytesToCommit = 0;
    const upTo = noticesWritten;
    if (await commitAll()) noticesCommitted = upTo;
  };
  const place: CollectorPlace = {
    emit: (collected) => {
      const isTaken = append({ kind: 'record', meta: metaOf(collected, collected.source), raw: collected.raw });
      if (!isTaken) {
        if (!options.readsAgain) lost.count(collected);
        return false;
      }
      counts.records++;
      counts.bytesToCommit += collected.raw.length;
      if (counts.bytesToCommit > COMMIT_BYTES) {
        counts.bytesToCommit = 0; // once
        // not in the middle of what a collector emits in one go: its checkpoint goes with its records
        setImmediate(() => void commit());
      }
      return true;
    },
    checkpoint: (stream, state) => {
      append({ kind: 'checkpoint', stream, state: Buffer.from(state) });
    },
    restored: (stream) => open.restored(stream),
    committed: (upTo) => {
      counts.bytesToCommit = 0;
      return open.committed(upTo);
    },
    report,
    say,
    now,
    stop,
  };

  const ended = new AbortController();
  const committing = every(COMMIT_MS, ended.signal, async () => {
    reportEarly();
    if (early.length === 0) for (const gap of lost.take()) report(gap);
    if (!options.acknowledges || noticesWritten > noticesCommitted) await commit();
  });
  const clockWatch = createClockWatch(options, now);
  const beating = every(HEARTBEAT_MS, ended.signal, async () => {
    clock = await readClockState();
    const step = clockWatch();
    if (step !== undefined) report(step);
    notice('heartbeat');
  });
  const stopDraining = new AbortController();
  let isOver = false;
  const draining = drain(
    {
      spool: open,
      sink,
      refusedDirectory: join(options.spool.directory, 'refused'),
      report,
      say,
      now,
      stop: stopDraining.signal,
    },
    () => isOver,
  );
  try {
    await collector(place);
  } finally {
    ended.abort();
    await Promise.all([committing, beating]);
    for (const gap of lost.take()) report(gap);
    notice('stopped');
    await commit();
    isOver = true;
    const tooLong = setTimeout(() => stopDraining.abort(), DRAIN_MS_MAX);
    await draining;
    clearTimeout(tooLong);
    await sink.close().catch((error: Error) => say(`${sink.address}: ${error.message}`));
    await open.close();
  }
  return { records: counts.records };
}

// Says once that nothing can be written, and once that it can again.
function createCommit(spool: Spool, say: (text: string) => void): () => Promise<boolean> {
  let isFailing = false;
  return async () => {
    try {
      await spool.committed();
      if (isFailing) say('the spool can be written again');
      isFailing = false;
    } catch (error) {
      if (!isFailing) say((error as Error).message);
      isFailing = true;
    }
    return !isFailing;
  };
}

async function every(ms: number, stop: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!stop.aborted) {
    await sleep(ms, undefined, { signal: stop }).catch(() => undefined);
    if (!stop.aborted) await work();
  }
}

/** What could not be taken, by stream, until it can be told. */
function createLosses({ source }: RunOptions, now: () => Date) {
  const lost = new Map<string, Gap>();
  return {
    count: ({ stream, raw }: Collected): void => {
      const ms = now().getTime();
      const detail = 'nothing could be written to the spool';
      const gap = lost.get(stream) ?? {
        reason: 'spool-unwritable',
        source,
        stream,
        fromMs: ms,
        toMs: ms,
        records: 0,
        bytes: 0,
        detail,
      };
      lost.set(stream, { ...gap, toMs: ms, records: (gap.records ?? 0) + 1, bytes: (gap.bytes ?? 0) + raw.length });
    },
    take: (): Gap[] => {
      const all = [...lost.values()];
      lost.clear();
      return all;
    },
  };
}

/** Whether the clock was set since it was last asked. */
function createClockWatch({ source, stream }: RunOptions, now: () => Date): () => Gap | undefined {
  let wallMs = now().getTime();
  let steadyMs = performance.now();
  return () => {
    const [fromMs, before] = [wallMs, steadyMs];
    wallMs = now().getTime();
    steadyMs = performance.now();
    const steppedMs = Math.round(wallMs - fromMs - (steadyMs - before));
    if (Math.abs(steppedMs) < CLOCK_STEP_MS) return undefined;
    const detail = `the clock of the node was set by ${steppedMs} ms`;
    return {
      reason: 'clock-stepped',
      source,
      stream,
      fromMs: Math.min(fromMs, wallMs),
      toMs: Math.max(fromMs, wallMs),
      records: 0,
      detail,
    };
  };
}
