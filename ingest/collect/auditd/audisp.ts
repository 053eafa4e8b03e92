// Events of auditd as it hands them on (audisp): to a plugin's stdin, or at the socket of its af_unix plugin, `format = string`. Nothing here can
// be read again, and auditd's queue must never fill: lines are read as they come, records are emitted at once, nothing waits for the spool.
import { connect, type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Collector, CollectorPlace } from '../collector.ts';
import { createLineCutter } from '../files/cut-lines.ts';
import { createContainerOf } from './container-of.ts';
import { createLiveEvents } from './live-events.ts';
import { readPaced } from './paced-read.ts';

export interface AudispStdinOptions {
  /** auditd writes here: a pipe or socket by its number, or what else there is. Ends with auditd, and so does the collector. */
  input: number | Readable;
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
    await (typeof input === 'number'
      ? readPaced((onread) => openFile(input, onread), intake.chunk).over(place.stop)
      : takeAll(input, intake, place.stop));
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
      const reading = readPaced((onread) => connect({ path, onread }), intake.chunk);
      const isOpen = await connected(reading.socket, place.stop).catch((error: NodeJS.ErrnoException) => {
        if (trouble !== error.code) place.say(`${path}: ${error.message}; tried again`);
        trouble = error.code ?? '';
        return false;
      });
      if (isOpen) {
        trouble = '';
        pauseMs = RECONNECT_MS;
        intake.begins();
        await reading.over(place.stop);
        intake.breaks();
      }
      await sleep(pauseMs, undefined, { signal: place.stop }).catch(() => undefined);
      if (!isOpen) pauseMs = Math.min(RECONNECT_MS_MAX, 2 * pauseMs);
    }
    await intake.end();
  };
}

interface Intake {
  /** There is a connection: after another one that broke, something is missing. */
  begins(): void;
  chunk(bytes: Buffer): void;
  /** A connection ended: its last line gets no newline any more. */
  breaks(): void;
  /** All that waits is given up and on disk. */
  end(): Promise<void>;
}

/** Bytes taken so far, by all runs: where in the stream a record stands. */
const State = z.object({ position: z.number().int().nonnegative() });
// How often events that are held are looked at.
const TICK_MS = 200;

const NOTHING_SAID = {};

function createIntake(
  stream: string,
  { procRoot }: Pick<AudispSocketOptions, 'procRoot'>,
  place: CollectorPlace,
): Intake {
  const before = stateOf(place.restored(stream));
  const cutter = createLineCutter();
  let position = before?.position ?? 0;
  let isNew = false;
  let brokenMs: number | undefined;
  const events = createLiveEvents({
    noteOf: createContainerOf({ procRoot, now: place.now }),
    // what cannot be taken is lost; the runtime counts it
    put: ({ raw, offset, lines, node, note }) => {
      place.emit({ source: 'auditd', node, stream, position: offset, lines, attrs: note ?? NOTHING_SAID, raw });
      isNew = true;
    },
  });
  cutter.begin({ offset: position, within: false });

  const take = (lines: ReturnType<typeof cutter.push>) => {
    for (const { bytes, from, to, offset, whole } of lines) if (to > from) events.line(bytes, from, to, offset, whole);
    events.leaveChunk();
  };
  const keepPlace = () => {
    if (isNew) place.checkpoint(stream, JSON.stringify({ position }));
    isNew = false;
  };
  const timer = setInterval(() => {
    events.closeHeld();
    keepPlace();
  }, TICK_MS);
  return {
    begins: () => {
      if (brokenMs === undefined) return;
      place.report({
        ...{ reason: 'stream-interrupted', source: 'auditd', stream, fromMs: brokenMs, toMs: place.now().getTime() },
        detail: 'what auditd wrote meanwhile nobody read here',
      });
      brokenMs = undefined;
    },
    chunk: (bytes) => {
      position += bytes.length;
      take(cutter.push(bytes));
    },
    breaks: () => {
      brokenMs = place.now().getTime();
      take(cutter.end());
      cutter.begin({ offset: position, within: false });
    },
    end: async () => {
      clearInterval(timer);
      take(cutter.end());
      events.end();
      keepPlace();
      await place.committed().catch(() => undefined); // the runtime says why not
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

/** Resolves when there is no more, for whatever reason. */
function takeAll(input: Readable, intake: Intake, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stop.removeEventListener('abort', done);
      input.off('data', intake.chunk).destroy();
      resolve();
    };
    input.on('data', intake.chunk).once('end', done).once('close', done).once('error', done);
    stop.addEventListener('abort', done);
    if (stop.aborted) done();
  });
}

// `onread` is documented, and not declared
const openFile = (fd: number, onread: OnReadOpts): Socket =>
  new Socket({ fd, writable: false, onread } as SocketConstructorOpts);

/** True once it is. Rejects with why it cannot be. */
function connected(socket: Socket, stop: AbortSignal): Promise<true> {
  return new Promise((resolve, reject) => {
    const give = () => {
      stop.removeEventListener('abort', abort);
      socket.off('error', fail).off('connect', give);
      resolve(true);
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
