// From the spool to the sink: a batch at a time, again and again until the sink has it.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeEntry, type RecordEntry } from '../spool/entry.ts';
import type { Gap } from '../spool/gap.ts';
import type { Spool } from '../spool/spool.ts';
import { type Sink, SinkError } from '../transport/sink.ts';

// Large enough that a request is cheap by the record, small enough to hold twice.
const BATCH_BYTES = 4 * 1024 * 1024;
const IDLE_MS = 1_000;
// A request costs more than a hundred small records in it: behind one that took little, and where little waits, the next is not sent at once. Ten
// a second, as often as is committed, were a tenth of what a plugin takes. Of the second and a half from source to row.
const LINGER_MS = 250;
const LITTLE_BYTES = 256 * 1024;
const RETRY_FIRST_MS = 250;
const RETRY_MS_MAX = 15_000;
// A person hears of a sink that is away once, and then every so often.
const SAY_AGAIN_MS = 60_000;

interface Dependencies {
  spool: Spool;
  sink: Sink;
  /** Where what a sink refuses is kept. */
  refusedDirectory: string;
  report: (gap: Gap) => void;
  say: (text: string) => void;
  now: () => Date;
  /** Nothing more is sent once it is aborted; what is on its way is finished first. */
  stop: AbortSignal;
}

/** Resolves when `stop` is aborted, or, once `isLast` says that nothing more comes, when all is sent. */
export async function drain(deps: Dependencies, isLast: () => boolean): Promise<void> {
  const { spool, stop } = deps;
  while (!stop.aborted) {
    const batch = await spool.read(BATCH_BYTES);
    if (batch === undefined) {
      if (isLast()) return;
      await spool.waitForMore(IDLE_MS);
      continue;
    }
    if (!(await sendUntilTaken(batch.records, deps))) return;
    spool.acknowledge(batch);
    if (batch.bytes < LITTLE_BYTES && spool.bytesWaiting() < LITTLE_BYTES && !isLast())
      await sleep(LINGER_MS, undefined, { signal: stop }).catch(() => undefined);
  }
}

/** False when it was stopped before the sink had all of it. */
async function sendUntilTaken(records: readonly RecordEntry[], deps: Dependencies): Promise<boolean> {
  const { sink, say, stop, now } = deps;
  let saidMs = 0;
  for (let waitMs = RETRY_FIRST_MS; ; waitMs = Math.min(2 * waitMs, RETRY_MS_MAX)) {
    try {
      await sink.send(records);
      if (saidMs > 0) say(`${sink.address} takes records again`);
      return true;
    } catch (error) {
      if (isTooLarge(error)) return sendHalves(records, deps);
      if (now().getTime() - saidMs > SAY_AGAIN_MS) {
        saidMs = now().getTime();
        say(`${sink.address} does not take records: ${(error as Error).message}; they wait in the spool`);
      }
    }
    // half of it by chance, so that a thousand nodes do not come back at once
    await sleep(waitMs * (0.5 + Math.random() / 2), undefined, { signal: stop }).catch(() => undefined);
    if (stop.aborted) return false;
  }
}

const isTooLarge = (error: unknown): boolean => error instanceof SinkError && error.code === 'too-large';

async function sendHalves(records: readonly RecordEntry[], deps: Dependencies): Promise<boolean> {
  const [only] = records;
  if (records.length === 1 && only !== undefined) return keepRefused(only, deps);
  const half = Math.ceil(records.length / 2);
  return (await sendUntilTaken(records.slice(0, half), deps)) && (await sendUntilTaken(records.slice(half), deps));
}

// What no sink will ever take stays on the node, and is told.
function keepRefused(entry: RecordEntry, { refusedDirectory, report, sink }: Dependencies): boolean {
  const { meta, raw } = entry;
  const digest = createHash('sha256').update(raw).digest('hex');
  const path = join(refusedDirectory, `${digest}.record`);
  mkdirSync(refusedDirectory, { recursive: true, mode: 0o700 });
  if (!existsSync(path)) writeFileSync(path, encodeEntry(entry), { mode: 0o600 });
  if (meta.source === 'collector') return true;
  const ms = Math.floor(meta.received_at / 1000);
  report({
    ...{ reason: 'refused-by-sink', source: meta.source, stream: meta.stream, fromMs: ms, toMs: ms },
    ...{
      records: 1,
      bytes: raw.length,
      detail: `${sink.address} takes no record so large; it is kept on the node, digest ${digest}`,
    },
  });
  return true;
}
