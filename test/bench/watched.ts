// A store that tells what each statement costs: seconds, and seconds of processor time of this process meanwhile (an embedded engine runs in it).
import type { Store } from '../../analytics/store/store.ts';

export interface Watched {
  readonly store: Store;
  readonly all: { statements: number; seconds: number; processor: number };
}

/** Prints what takes more processor time than `least`. */
export function watched(store: Store, least: number, width = 90): Watched {
  const all = { statements: 0, seconds: 0, processor: 0 };
  const begin = (sql: string) => {
    const [start, worked] = [performance.now(), processorSeconds()];
    return () => {
      const [seconds, own] = [(performance.now() - start) / 1000, processorSeconds() - worked];
      all.statements++;
      all.seconds += seconds;
      all.processor += own;
      if (own > least) console.log(seconds.toFixed(2), own.toFixed(2), sql.trim().replace(/\s+/g, ' ').slice(0, width));
    };
  };
  const timed =
    <A extends [string, ...unknown[]], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const end = begin(args[0]);
      try {
        return await work(...args);
      } finally {
        end();
      }
    };
  return {
    all,
    store: {
      ...store,
      run: timed(store.run.bind(store)),
      rows: timed(store.rows.bind(store)),
      insert: timed(store.insert.bind(store)),
      async *stream(...args) {
        const end = begin(args[0]);
        try {
          yield* store.stream(...args);
        } finally {
          end();
        }
      },
    },
  };
}

export function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
