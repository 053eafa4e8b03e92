// How a follower waits for more of a log: while lines come, a moment at a time, so that a storm is read in few large pieces; when none come, until
// the file system tells of a change, and never longer than a fifth of a second (network file systems and exhausted inotify tell nothing).
import { type FSWatcher, watch } from 'node:fs';

// Twenty reads a second of a busy log cost little, and a process that lives longer may still be asked for its container.
const BUSY_MS = 50;
const IDLE_MS = 200;

export interface Pauses {
  /** Waits for changes at a path. Resolves early when there are some, or at the end. */
  wait(path: string): Promise<void>;
  /** Waits while lines come. */
  rest(): Promise<void>;
  close(): void;
}

export function createPauses(stop: AbortSignal): Pauses {
  let watched: { path: string; watcher: FSWatcher } | undefined;
  let wake: (() => void) | undefined;

  const forget = () => {
    watched?.watcher.close();
    watched = undefined;
  };
  // for one change: thousands of lines a second would be thousands of events
  const listen = (path: string) => {
    if (watched?.path === path) return;
    forget();
    try {
      const watcher = watch(path, { persistent: false }, () => {
        forget();
        wake?.();
      });
      watcher.on('error', forget);
      watched = { path, watcher };
    } catch {
      // not there, or no watches left: then the clock alone
    }
  };
  const pause = (ms: number): Promise<void> => {
    if (stop.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        stop.removeEventListener('abort', done);
        wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      stop.addEventListener('abort', done);
      wake = done;
    });
  };
  return {
    wait: (path) => {
      listen(path);
      return pause(IDLE_MS);
    },
    rest: () => {
      forget();
      return pause(BUSY_MS);
    },
    close: forget,
  };
}
