// What every command is given: the store, where to print, how to print, the clock. Only main.ts fills it in.
import type { Readable } from 'node:stream';
import { type Store, StoreError } from '../analytics/store/store.ts';
import { type Format, type Output, printRows } from './render/rows.ts';
import { type Column, visibleJson } from './render/table.ts';

export interface GlobalOptions {
  store: string;
  json?: boolean;
  ndjson?: boolean;
  csv?: boolean;
}

/** Exit codes of section 10 of the design. */
export const EXIT = { done: 0, failed: 1, usage: 2, notFound: 3, verification: 4 } as const;

/** A failure with its exit code and words for the person at the terminal. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;
  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** What comes in by a pipe. */
export type Input = Readable;

export interface Context {
  readonly stdin: () => Input;
  /** Said before a store is opened outside of withStore: the engine takes rows of an insert from standard input where there are any. */
  readonly leaveStdin: () => void;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly now: () => Date;
  /** Of this program. */
  readonly version: string;
  /** Directory of the built-in rules. */
  readonly packDirectory: string;
  /** Directory of the recorded intrusion that the demo imports. */
  readonly sampleDirectory: string;
  /** Directory of the built page; undefined when it was not built. */
  readonly pageDirectory: string | undefined;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly stop: AbortSignal;
  options(): GlobalOptions;
  format(): Format;
  setExitCode(code: number): void;
  /** Opens the store, hands it to `work`, closes it whatever happens. */
  withStore<T>(command: string, work: (store: Store) => Promise<T>): Promise<T>;
  /** Prints a list in the format asked for; the columns are for people. */
  printList<R extends object>(rows: AsyncIterable<R> | Iterable<R>, columns: readonly Column<R>[]): Promise<void>;
  /** Prints one object: JSON when asked for, else `text`. */
  printOne(value: object, text: () => string): void;
  /** One line to stderr. */
  say(text: string): void;
}

interface World {
  stdin: () => Input;
  /** Said before a store is opened: the engine takes rows of an insert from standard input where there are any. */
  leaveStdin: () => void;
  stdout: Output;
  stderr: Output;
  now: () => Date;
  version: string;
  packDirectory: string;
  sampleDirectory: string;
  pageDirectory: string | undefined;
  stop: AbortSignal;
  options: () => GlobalOptions;
  setExitCode: (code: number) => void;
}

export function createContext(world: World): Context {
  const format = (): Format => {
    const { json, ndjson, csv } = world.options();
    if (json) return 'json';
    if (ndjson) return 'ndjson';
    if (csv) return 'csv';
    return world.stdout.isTTY ? 'table' : 'tsv';
  };
  return {
    ...world,
    format,
    withStore: async (command, work) => {
      world.leaveStdin();
      // loaded with what speaks to stores, which not every command does
      const { connect } = await import('../analytics/store/connect.ts');
      const store = await connect(world.options().store, command);
      try {
        return await work(store);
      } finally {
        await store.close();
      }
    },
    printList: (rows, columns) => printRows(world.stdout, format(), rows, columns),
    printOne: (value, text) => {
      const chosen = format();
      if (chosen === 'json') world.stdout.write(`${visibleJson(value, 2)}\n`);
      else if (chosen === 'ndjson') world.stdout.write(`${visibleJson(value)}\n`);
      else world.stdout.write(`${text()}\n`);
    },
    say: (text) => {
      world.stderr.write(`${text}\n`);
    },
  };
}

/** Words and exit code for whatever a command threw; bugs keep their stack. */
export function explain(error: unknown): { message: string; exitCode: number } {
  if (error instanceof CommandError) return { message: error.message, exitCode: error.exitCode };
  if (error instanceof StoreError) {
    return { message: error.message, exitCode: error.code === 'bad-location' ? EXIT.usage : EXIT.failed };
  }
  if (error instanceof Error) return { message: error.stack ?? error.message, exitCode: EXIT.failed };
  return { message: String(error), exitCode: EXIT.failed };
}
