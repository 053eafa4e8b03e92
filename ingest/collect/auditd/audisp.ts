// Events of auditd as it hands them on (audisp): to a plugin's stdin, or at the socket of its af_unix plugin, `format = string`. Nothing here can
// be read again, and auditd's queue must never fill: lines are read as they come, records are emitted at once, nothing waits.
import { connect, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Collected, Collector, CollectorPlace } from '../collector.ts';
import { createLineCutter } from '../files/cut-lines.ts';
import { createContainerOf } from './container-of.ts';
import { createLiveEvents } from './live-events.ts';

export interface AudispStdinOptions {
  /** auditd writes here; ends with auditd, and so does the collector. */
  input: Readable;
  procRoot?: string | undefined;
}

export interface AudispSocketOptions {
  /** Of the socket: `args` of auditd's plugins.d/af_unix.conf. */
  path: string;
  procRoot?: string | undefined;
}

export const AUDISP_STREAM = 'audisp';

/** Resolves when the input ends, or at `place.stop`. */
export function createAudispPlugin({ input, ...options }: AudispStdinOptions): Collector {
  return async (place) => {
    const intake = createIntake(AUDISP_STREAM, options, place);
    intake.begins();
    await takeAll(input, intake, place.stop);
    await intake.end();
  };
}

// auditd starts within a second; one that is not there is looked for at leisure.
const RECONNECT_MS = 200;
const RECONNECT_MS_MAX = 5_000;

export function createAudispSocketReader({ path, ...options }: AudispSocketOptions): Collector {
  return async (place) => {
    const intake = createIntake(path, options, place);
    let pauseMs = RECONNECT_MS;
    let trouble = '';
    while (!place.stop.aborted) {
      const socket = await connected(path, place.stop).catch((error: NodeJS.ErrnoException) => {
        if (trouble !== error.code) place.say(`${path}: ${error.message}; tried again`);
        trouble = error.code ?? '';
        return undefined;
      });
      if (socket) {
        trouble = '';
        pauseMs = RECONNECT_MS;
        intake.begins();
        await takeAll(socket, intake, place.stop);
        intake.breaks();
      }
      await sleep(pauseMs, undefined, { signal: place.stop }).catch(() => undefined);
      if (!socket) pauseMs = Math.min(RECONNECT_MS_MAX, 2 * pauseMs);
    }
    await intake.end();
  };
}

interface Intake {
  /** A connection: what came before another one that ended may be missing. */
  begins(): void;
  chunk(bytes: Buffer): void;
  /** A connection ended: its last line gets no newline any more. */
  breaks(): void;
  /** All that waits is given up and on disk. */
  end(): Promise<void>;
}

/** Bytes taken so far, and when the last came. */
const State = z.object({ position: z.number().int().nonnegative(), last_ms: z.number() });
// Events that are held are looked at, and what was emitted gets to the disk, so often.
const TICK_MS = 200;

function createIntake(
  stream: string,
  { procRoot }: Pick<AudispSocketOptions, 'procRoot'>,
  place: CollectorPlace,
): Intake {
  const before = stateOf(place.restored(stream));
  const cutter = createLineCutter();
  let position = before?.position ?? 0;
  let lastMs = before?.last_ms;
  let emitted = false;
  const refused = createRefused(stream, place);
  const events = createLiveEvents({
    noteOf: createContainerOf({ procRoot, now: place.now }),
    put: ({ raw, offset, lines, node, note }) => {
      const record: Collected = {
        ...{ source: 'auditd', ...(node === '' ? {} : { node }), stream, position: offset, lines, raw },
        ...(note ? { attrs: note } : {}),
      };
      if (place.emit(record)) refused.nowTaken();
      else refused.add(record);
      emitted = true;
    },
  });
  cutter.begin({ offset: position, within: false });

  const take = (lines: ReturnType<typeof cutter.push>) => {
    for (const { bytes, from, to, offset, whole } of lines) if (to > from) events.line(bytes, from, to, offset, whole);
    events.leaveChunk();
  };
  const commit = async (): Promise<void> => {
    if (!emitted) return;
    emitted = false;
    if (lastMs !== undefined) place.checkpoint(stream, JSON.stringify({ position, last_ms: lastMs }));
    await place.committed().catch(() => undefined); // who commits says so; these lines do not come again
  };
  const timer = setInterval(() => {
    events.closeHeld();
    void commit();
  }, TICK_MS);
  return {
    begins: () => {
      if (lastMs !== undefined)
        place.report({
          ...{ reason: 'stream-interrupted', source: 'auditd', stream, fromMs: lastMs, toMs: place.now().getTime() },
          detail: 'what auditd wrote meanwhile was read by nobody here',
        });
    },
    chunk: (bytes) => {
      lastMs = place.now().getTime();
      position += bytes.length;
      take(cutter.push(bytes));
    },
    breaks: () => {
      take(cutter.end());
      cutter.begin({ offset: position, within: false });
    },
    end: async () => {
      clearInterval(timer);
      take(cutter.end());
      events.end();
      emitted = true;
      await commit();
    },
  };
}

function stateOf(text: string | undefined): z.infer<typeof State> | undefined {
  try {
    return text === undefined ? undefined : State.parse(JSON.parse(text));
  } catch {
    return undefined; // of another version: the count begins anew
  }
}

/** Records that could not be taken: counted, and told as a gap once others are taken again. */
function createRefused(stream: string, place: CollectorPlace) {
  let refused: { fromMs: number; records: number; bytes: number } | undefined;
  return {
    add: ({ raw }: Collected): void => {
      refused ??= { fromMs: place.now().getTime(), records: 0, bytes: 0 };
      refused.records++;
      refused.bytes += raw.length;
    },
    nowTaken: (): void => {
      if (!refused) return;
      const gap = { ...refused, toMs: place.now().getTime() };
      refused = undefined;
      place.report({ ...gap, reason: 'spool-unwritable', source: 'auditd', stream, detail: 'not even room in memory' });
    },
  };
}

/** Resolves when there is no more, for whatever reason. */
function takeAll(input: Readable, intake: Intake, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stop.removeEventListener('abort', done);
      input.off('data', take).destroy();
      resolve();
    };
    const take = (bytes: Buffer) => intake.chunk(bytes);
    input.on('data', take).once('end', done).once('close', done).once('error', done);
    stop.addEventListener('abort', done);
    if (stop.aborted) done();
  });
}

function connected(path: string, stop: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const give = () => {
      stop.removeEventListener('abort', abort);
      socket.off('error', fail).off('connect', give);
      resolve(socket);
    };
    const fail = (error: Error) => {
      stop.removeEventListener('abort', abort);
      reject(error);
    };
    const abort = () => socket.destroy(new Error('stopped'));
    stop.addEventListener('abort', abort);
    socket.once('connect', give).once('error', fail);
  });
}
