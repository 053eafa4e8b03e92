// A TypeScript program of the tests as a process of its own: bundled first, for Node runs no TypeScript.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface Program {
  process: ChildProcess;
  /** The next line it writes, parsed as JSON; rejects when it ends before. */
  line(): Promise<Record<string, unknown>>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; err: string }>;
}

const bundled = new Map<string, string>();

/** @param directory of bundles, removed by who made it; the same for all */
export async function bundle(entry: URL, directory: string): Promise<string> {
  const outfile = join(directory, `${basename(entry.pathname, '.ts')}.mjs`);
  if (bundled.get(entry.href) === outfile && existsSync(outfile)) return outfile;
  const require = "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);";
  await build({
    ...{ entryPoints: [fileURLToPath(entry)], outfile, bundle: true, platform: 'node', target: 'node20' },
    ...{ format: 'esm', banner: { js: require }, logLevel: 'warning', external: ['chdb', 'chdb/connection'] },
    loader: { '.sql': 'text' },
  });
  bundled.set(entry.href, outfile);
  return outfile;
}

/** @param options handed over as one argument, in JSON */
export async function startProgram(entry: URL, options: unknown, directory: string): Promise<Program> {
  const path = await bundle(entry, directory);
  const child = spawn(process.execPath, [path, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'pipe'] });
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (err += text));
  const lines: string[] = [];
  const waiting: ((line: string) => void)[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const next = waiting.shift();
    if (next) next(line);
    else lines.push(line);
  });
  const ended = new Promise<Awaited<Program['ended']>>((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => resolve({ code, signal, err }));
  });
  return {
    process: child,
    ended,
    line: () => {
      const next = lines.shift();
      if (next !== undefined) return Promise.resolve(JSON.parse(next));
      const heard = new Promise<string>((resolve) => waiting.push(resolve)).then((line) => JSON.parse(line));
      const failed = ended.then(({ code, signal }) => Promise.reject(new Error(`ended, ${code ?? signal}: ${err}`)));
      return Promise.race([heard, failed]);
    },
  };
}
