// Mutated lines of the recordings through the whole import, file after file, into one store. Whatever they are, the import goes
// on, its books balance, and at the end the store is whole.
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { decompress } from 'fzstd';
import { examine } from '../../analytics/doctor.ts';
import { connect } from '../../analytics/store/connect.ts';
import { type ImportSummary, importPaths } from '../../ingest/import.ts';
import { type Chance, createChance, mutate } from './mutate.ts';

export interface FuzzOptions {
  lines: number;
  seed: number;
  /** Where the store and the file that is imported lie; a file that failed stays. */
  directory: string;
  recordings: readonly string[];
  onFile?: (linesDone: number, summary: ImportSummary) => void;
}

export interface Fuzzed {
  lines: number;
  bytes: number;
  records: number;
  duplicates: number;
  dead_letters: number;
  /** What is wrong, in words; none is right. */
  problems: string[];
}

const LINES_PER_FILE = 25_000;

/** @throws Error of the import, with the file that made it still in the directory */
export async function fuzz({ lines, seed, directory, recordings, onFile }: FuzzOptions): Promise<Fuzzed> {
  const logs = recordings.flatMap(readLogs);
  const chance = createChance(seed);
  const total: Fuzzed = { lines: 0, bytes: 0, records: 0, duplicates: 0, dead_letters: 0, problems: [] };
  mkdirSync(directory, { recursive: true });
  const store = await connect(`embedded:${join(directory, 'store')}`, 'fuzz');
  try {
    for (let made = 0; made < lines; made += LINES_PER_FILE) {
      const path = join(directory, `mutated-${made}.log`);
      writeMutated(path, Math.min(LINES_PER_FILE, lines - made), logs, chance);
      const deps = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
      const summary = await importPaths([path], { cluster: 'fuzz' }, deps);
      for (const name of ['lines', 'bytes', 'records', 'duplicates', 'dead_letters'] as const)
        total[name] += summary[name];
      if (!summary.balanced) total.problems.push(`${path}: the books do not balance: ${JSON.stringify(summary)}`);
      for (const { detail } of summary.problems) total.problems.push(`${path}: ${detail}`);
      if (total.problems.length > 0) return total;
      rmSync(path);
      onFile?.(made + LINES_PER_FILE, summary);
    }
    for await (const { check, status, detail } of examine(store)) {
      if (status === 'problem') total.problems.push(`${check}: ${detail}`);
    }
  } finally {
    await store.close();
  }
  return total;
}

/** Lines of a log, to be taken in runs: what belongs together stands together. */
function readLogs(recording: string): Buffer[][] {
  return readdirSync(recording)
    .filter((name) => /\.(log|jsonl)\.zst$/.test(name))
    .sort()
    .map((name) => {
      const bytes = Buffer.from(decompress(readFileSync(join(recording, name))));
      const lines: Buffer[] = [];
      for (let from = 0, to = bytes.indexOf(10); to !== -1; from = to + 1, to = bytes.indexOf(10, from))
        lines.push(bytes.subarray(from, to));
      return lines;
    });
}

const NEWLINES = ['\n', '\n', '\n', '\n', '\n', '\n', '\r\n', '\n\n'].map((n) => Buffer.from(n));
const RUN_LINES_MAX = 24;

function writeMutated(path: string, lines: number, logs: readonly Buffer[][], chance: Chance): void {
  const file = openSync(path, 'w');
  for (let n = 0; n < lines; ) {
    const log = chance.of(logs);
    const from = chance.below(log.length);
    const run = log.slice(from, from + 1 + chance.below(Math.min(RUN_LINES_MAX, lines - n)));
    const out: Buffer[] = [];
    for (const line of run) {
      out.push(mutate(line, chance, chance.of(chance.of(logs))), chance.of(NEWLINES));
      if (chance.below(50) === 0) out.push(line, chance.of(NEWLINES)); // once more, as it was
    }
    writeSync(file, Buffer.concat(out));
    n += run.length;
  }
  closeSync(file);
}
