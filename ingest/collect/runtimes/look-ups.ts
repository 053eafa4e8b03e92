// Look-ups that events cause: a few at once, in the order in which they were asked for, none twice. The stream of events never waits here.

export interface LookUps {
  /**
   * Asked for again while it waits, it is done once; while it runs, once more afterwards.
   * @returns false when too many wait
   */
  add(key: string, lookUp: () => Promise<void>): boolean;
  /** Forgets what waits: the connection is gone. */
  clear(): void;
  /** Resolves when nothing waits or runs. */
  idle(): Promise<void>;
}

/** @param lookUp as given to `add` handles its own errors: what it throws is a bug */
export function createLookUps({ atOnce, waitingMax }: { atOnce: number; waitingMax: number }): LookUps {
  const waiting = new Map<string, () => Promise<void>>();
  const running = new Set<string>();
  let whenIdle: (() => void)[] = [];

  function startNext(): void {
    for (const [key, lookUp] of waiting) {
      if (running.size >= atOnce) return;
      if (running.has(key)) continue;
      waiting.delete(key);
      running.add(key);
      void lookUp().finally(() => {
        running.delete(key);
        startNext();
      });
    }
    if (running.size > 0 || waiting.size > 0) return;
    for (const resolve of whenIdle) resolve();
    whenIdle = [];
  }
  return {
    add(key, lookUp) {
      if (waiting.size >= waitingMax && !waiting.has(key)) return false;
      waiting.set(key, lookUp);
      startNext();
      return true;
    },
    clear: () => waiting.clear(),
    idle: () =>
      new Promise((resolve) => {
        whenIdle.push(resolve);
        startNext();
      }),
  };
}
