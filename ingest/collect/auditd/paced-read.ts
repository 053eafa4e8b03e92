// A pipe or socket, read a moment apart. auditd writes event by event, and whoever is woken for each pays as much for waking as for the event:
// a fifth of what a plugin takes. So after each read the next one waits; what comes meanwhile lies in the kernel. Every read goes to the same buffer.
import type { OnReadOpts, Socket } from 'node:net';

export interface PacedRead {
  readonly socket: Socket;
  /** Resolves when there is no more, for whatever reason, or with `stop`. */
  over(stop: AbortSignal): Promise<void>;
}

// Whose container an event tells of is asked when it is read (container-of.ts): a program that runs for less is gone either way.
const PAUSE_MS = 5;
// A pipe holds so much, and auditd's socket three times that: what comes in a pause at 13 MB a second. Whoever writes more waits for a moment,
// and auditd has a queue for that.
const BUFFER_BYTES = 64 * 1024;
// Where so much waited there is more: it is read at once.
const MUCH_BYTES = BUFFER_BYTES / 2;

/** @param take is given bytes that are written over after it returns */
export function readPaced(open: (onread: OnReadOpts) => Socket, take: (bytes: Buffer) => void): PacedRead {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  let timer: NodeJS.Timeout | undefined;
  const goOn = () => void socket.resume();
  const socket = open({
    buffer,
    callback: (bytes) => {
      take(buffer.subarray(0, bytes));
      if (bytes >= MUCH_BYTES) return true;
      timer = setTimeout(goOn, PAUSE_MS);
      return false;
    },
  });
  return {
    socket,
    over: (stop) =>
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          stop.removeEventListener('abort', done);
          socket.off('end', done).off('close', done).destroy();
          resolve();
        };
        socket.once('end', done).once('close', done).once('error', done);
        stop.addEventListener('abort', done);
        if (stop.aborted) done();
        else goOn();
      }),
  };
}
