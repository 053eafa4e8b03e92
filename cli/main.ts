// The program `vestige`: reads the environment and the arguments, hands a context to the command, sets the exit code.
import { closeSync, existsSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { DEFAULT_STORE } from '../analytics/store/connect.ts';
import { commands } from './commands/index.ts';
import { createContext, EXIT, explain, type GlobalOptions, type Input } from './context.ts';

const here = dirname(fileURLToPath(import.meta.url));
const beside = (name: string) => (existsSync(join(here, name)) ? join(here, name) : undefined);

const program = new Command('vestige')
  .description('Forensics for containers that are already gone.')
  .version('0.1.0')
  .option(
    '--store <location>',
    'embedded:DIR or http(s)://user:password@host:port/database',
    process.env['VESTIGE_STORE'] ?? DEFAULT_STORE,
  )
  .option('--json', 'one JSON document')
  .option('--ndjson', 'one JSON object a line')
  .option('--csv', 'comma-separated values')
  .configureHelp({ showGlobalOptions: true })
  .exitOverride();

const stop = new AbortController();
// the first asks the command to end, a second one ends it; and one that does not listen is ended all the same
const ENDS_WITHIN_MS = 10_000;
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(128 + number);
    stop.abort(signal);
    setTimeout(() => process.exit(128 + number), ENDS_WITHIN_MS).unref();
  });
}
// a reader that closes the pipe (head) ends the program quietly
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.failed),
);

const context = createContext({
  stdin: () => process.stdin as unknown as Input, // no encoding is set: chunks are bytes
  leaveStdin: () => {
    closeSync(0);
    openSync('/dev/null', 'r'); // the lowest free descriptor, so this one
  },
  stdout: process.stdout,
  stderr: process.stderr,
  now: () => new Date(),
  packDirectory: beside('pack') ?? join(here, '../analytics/rules/pack'),
  sampleDirectory: beside('sample') ?? join(here, '../test/fixtures/recordings/web-to-cluster'),
  pageDirectory: beside('web'),
  stop: stop.signal,
  options: () => program.opts<GlobalOptions>(),
  setExitCode: (code) => {
    process.exitCode = code;
  },
});

for (const register of commands) register(program, context);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  } else {
    const { message, exitCode } = explain(error);
    process.stderr.write(`vestige: ${message}\n`);
    process.exitCode = exitCode;
  }
}
