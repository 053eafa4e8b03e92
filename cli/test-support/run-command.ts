// Runs a command as main.ts would, with what it prints and its exit code caught. For tests.
import { Readable } from 'node:stream';
import { Command, CommanderError } from 'commander';
import { registerCommands } from '../commands/index.ts';
import { createContext, EXIT, explain, type GlobalOptions } from '../context.ts';

export interface Ran {
  out: string;
  bytes: Buffer;
  err: string;
  code: number;
}

export async function run(
  at: string,
  args: readonly string[],
  { tty = false, input = '' as string | Buffer, pack = '' } = {},
): Promise<Ran> {
  const out: Buffer[] = [];
  let err = '';
  let code = 0;
  const program = new Command('vestige')
    .option('--store <location>', '', at)
    .option('--json')
    .option('--ndjson')
    .option('--csv')
    .exitOverride()
    .configureOutput({ writeErr: (text) => (err += text), writeOut: (text) => out.push(Buffer.from(text)) });
  const context = createContext({
    stdin: () => Readable.from([Buffer.from(input)]),
    leaveStdin: () => {},
    stdout: { write: (data) => out.push(Buffer.from(data)), isTTY: tty, columns: 160 },
    stderr: { write: (data) => (err += String(data)), isTTY: tty },
    version: '0.0.0',
    now: () => new Date('2026-11-24T12:00:00Z'),
    packDirectory: pack,
    sampleDirectory: '',
    pageDirectory: undefined,
    stop: new AbortController().signal,
    options: () => program.opts<GlobalOptions>(),
    setExitCode: (n) => {
      code = n;
    },
  });
  await registerCommands(args, program, context);
  for (const sub of program.commands) sub.exitOverride().configureOutput({ writeErr: (text) => (err += text) });
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    const told = explain(error);
    if (!(error instanceof CommanderError)) err += told.message;
    code = error instanceof CommanderError ? (error.exitCode === 0 ? EXIT.done : EXIT.usage) : told.exitCode;
  }
  return { out: Buffer.concat(out).toString('utf8'), bytes: Buffer.concat(out), err, code };
}
