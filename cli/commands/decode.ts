// vestige decode [PATH...|-]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { connect } from '../../analytics/store/connect.ts';
import { decodeLog } from '../../ingest/decode-logs.ts';
import type { Source } from '../../ingest/frame/recognise.ts';
import { CommandError, type Context, EXIT } from '../context.ts';
import { visible, visibleLines } from '../render/table.ts';

interface Options {
  source?: Source;
  node?: string;
  strict?: boolean;
}

const STDIN = '-';

export function registerDecode(program: Command, context: Context): void {
  program
    .command('decode')
    .description('decoded events of logs or of a pipe, one JSON object a line, without a store')
    .argument('[path...]', 'plain, gzip or zstd; - or nothing for what comes in by a pipe', [STDIN])
    .addOption(
      new Option('--source <source>', 'what it holds, when it cannot be recognised').choices([
        'k8s-audit',
        'auditd',
        'runtime',
      ]),
    )
    .option('--node <name>', 'node the records come from (default: node= of the line, else node.json beside the file)')
    .option('--strict', 'exit code 1 when anything could not be decoded')
    .addHelpText(
      'after',
      `
Fields are those of the typed tables, with source and digest. What cannot be decoded is told on stderr, a line each.

Examples:
  vestige decode /var/log/audit/audit.log | jq 'select(.syscall_name == "execve") | .argv'
  tail -F /var/log/audit/audit.log | vestige decode -
  zcat audit.log.gz | vestige decode --source k8s-audit`,
    )
    .action(async (paths: string[], options: Options) => {
      const { json, csv } = context.options();
      if (json || csv)
        throw new CommandError(EXIT.usage, 'decode prints one JSON object a line (--ndjson) and nothing else');
      await inTemporaryDirectory((directory) => decode(paths, options, directory, context));
    });
}

// Gone at the end, also when a closed pipe or a second Ctrl-C ends the program where it stands.
async function inTemporaryDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-decode-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    await work(directory);
  } finally {
    remove();
    process.off('exit', remove);
  }
}

async function decode(paths: readonly string[], options: Options, directory: string, context: Context): Promise<void> {
  const store = await connect(`embedded:${directory}`, 'vestige decode');
  const input = context.stdin();
  const stopReading = () => input.destroy();
  context.stop.addEventListener('abort', stopReading);
  let undecoded = 0;
  try {
    for (const path of paths) {
      if (context.stop.aborted) break;
      const log = path === STDIN ? { name: '/dev/stdin', from: input } : { name: path, from: path };
      const problem = await decodeLog(log, options, {
        store,
        temporary: join(directory, 'tmp'),
        now: context.now,
        stop: context.stop,
        write: (lines) => print(lines, context),
        onUndecoded: ({ stream, position, reason, detail }) => {
          undecoded++;
          context.say(visible(`vestige: ${stream} at byte ${position}: ${reason}: ${detail}`));
        },
      });
      if (!problem || context.stop.aborted) continue;
      context.say(`vestige: ${path}: ${problem.detail}`);
      if (problem.kind !== 'empty') context.setExitCode(EXIT.failed);
    }
  } finally {
    context.stop.removeEventListener('abort', stopReading);
    await store.close();
  }
  if (undecoded > 0 && options.strict) context.setExitCode(EXIT.failed);
}

function print(lines: Uint8Array, { stdout }: Context): void {
  stdout.write(stdout.isTTY ? visibleLines(Buffer.from(lines).toString('utf8')) : lines);
}
