#!/usr/bin/env node
// The program `vestige`: reads the environment and the arguments, hands a context to the command, sets the exit code.
import { closeSync, existsSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { registerCommands } from './commands/index.ts';
import { createContext, EXIT, explain, type GlobalOptions } from './context.ts';
import type { Output } from './render/rows.ts';

const VERSION = '0.1.0';
const DEFAULT_STORE = 'embedded:./vestige-data';
const here = dirname(fileURLToPath(import.meta.url));
const beside = (name: string) => (existsSync(join(here, name)) ? join(here, name) : undefined);

const program = new Command('vestige')
  .description('Forensics for containers that are already gone.')
  .version(VERSION)
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
const ENDS_WITHIN_MS = 10_000;
// The engine's threads may wait for minutes on one another when the process ends under them (seen at process.exit with a query on its
// way): who must end at once cleans up and is killed.
const endNow = () => {
  process.emit('exit', 0);
  process.kill(process.pid, 'SIGKILL');
};
// the first asks the command to end, a second one ends it; and one that does not listen is ended all the same
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) endNow();
    stop.abort(signal);
    setTimeout(endNow, ENDS_WITHIN_MS).unref();
  });
}
// a reader that closes the pipe (head) ends the command quietly: what it writes next is thrown back at it
let closed: NodeJS.ErrnoException | undefined;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  closed = error;
  stop.abort(error);
  setTimeout(endNow, ENDS_WITHIN_MS).unref();
});
const stdout: Output = {
  isTTY: process.stdout.isTTY,
  get columns() {
    return process.stdout.columns;
  },
  write: (text) => {
    if (closed !== undefined) throw closed;
    return process.stdout.write(text);
  },
};

const context = createContext({
  stdin: () => process.stdin, // no encoding is set: chunks are bytes
  leaveStdin: () => {
    closeSync(0);
    openSync('/dev/null', 'r'); // the lowest free descriptor, so this one
  },
  stdout,
  stderr: process.stderr,
  now: () => new Date(),
  version: VERSION,
  packDirectory: beside('pack') ?? join(here, '../analytics/rules/pack'),
  sampleDirectory: beside('sample') ?? join(here, '../test/fixtures/recordings/web-to-cluster'),
  pageDirectory: beside('web'),
  stop: stop.signal,
  options: () => program.opts<GlobalOptions>(),
  setExitCode: (code) => {
    process.exitCode = code;
  },
});

try {
  await registerCommands(process.argv.slice(2), program, context);
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  } else if (error === closed && closed?.code === 'EPIPE') {
    process.exitCode = EXIT.done;
  } else {
    const { message, exitCode } = explain(error);
    process.stderr.write(`vestige: ${message}\n`);
    process.exitCode = exitCode;
  }
}
