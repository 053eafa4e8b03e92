// How a follower waits for more of a log: short pauses while lines come, longer ones when they do not, ended early by the file system where
// it tells of changes (not relied upon: network file systems and exhausted inotify say nothing).
import { type FSWatcher, watch } from 'node:fs';

// While lines come: a process that lives a moment may still be asked for its container, and 50 reads a second cost next to nothing.
const BUSY_MS = 20;
const IDLE_MS = 200;
const GROWTH = 1.5;

export interface Pauses {
  /** Waits for changes at a path. Resolves early when there are some, or at the end. */
  wait(path: string): Promise<void>;
  /** Something came: the next pause is short. */
  reset(): void;
  close(): void;
}

export function createPauses(stop: AbortSignal): Pauses {
  let ms = BUSY_MS;
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
  return {
    wait: (path) => {
      const pause = ms;
      ms = Math.min(IDLE_MS, ms * GROWTH);
      if (pause === IDLE_MS) listen(path);
      if (stop.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          stop.removeEventListener('abort', done);
          wake = undefined;
          resolve();
        };
        const timer = setTimeout(done, pause);
        stop.addEventListener('abort', done);
        wake = done;
      });
    },
    reset: () => {
      ms = BUSY_MS;
    },
    close: forget,
  };
}
