// What a fault test stands on: a directory, programs that are killed, and a source that goes on making records meanwhile.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordMeta } from '../../ingest/spool/record-meta.ts';
import { listSegments, scanSegment, segmentPath } from '../../ingest/spool/segments.ts';
import { createProgram, type Program } from './pipeline/programs.ts';
import type { MadeSource } from './pipeline/sources.ts';

export const isFull = process.env['VESTIGE_FAULTS'] === 'full';

export interface Ground {
  readonly directory: string;
  at(name: string): string;
  program(name: string, ...args: string[]): Program;
  /** One whose standard input the test writes. */
  withInput(name: string, ...args: string[]): Program;
  /** Started by this test, with what they said: for a failure. */
  told(): string;
  /** As `until`, and says what the programs said when it does not hold in time. */
  until: typeof until;
  /** Asks all that run to end, the latest first. */
  stopAll(): Promise<void>;
  remove(): Promise<void>;
}

export function createGround(name: string): Ground {
  const directory = mkdtempSync(join(tmpdir(), `vestige-${name}-`));
  const programs: Program[] = [];
  const told = () => programs.map((one) => `${one.name}: ${one.said()}`).join('\n');
  const note = (made: Program): Program => {
    programs.push(made);
    return made;
  };
  const stopAll = async () => {
    for (const one of programs.toReversed()) {
      one.signal('SIGCONT');
      if (one.pid() !== 0) await one.stop();
    }
  };
  return {
    directory,
    at: (path) => join(directory, path),
    program: (label, ...args) => note(createProgram(label, args)),
    withInput: (label, ...args) => note(createProgram(label, args, 'pipe')),
    told,
    until: (holds, what, msMax) =>
      until(holds, what, msMax).catch((error: Error) => {
        throw new Error(`${error.message}\n${told()}`);
      }),
    stopAll,
    remove: async () => {
      await stopAll().catch(() => undefined);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const TICK_MS = 25;

/** Makes records until it is told to end; resolves with their sources. */
export function makeRecords(sources: readonly MadeSource[]): { end(): Promise<void> } {
  const ended = new AbortController();
  const making = sources.map(async (source) => {
    while (!ended.signal.aborted) {
      await source.tick();
      await sleep(TICK_MS);
    }
  });
  return {
    end: async () => {
      ended.abort();
      await Promise.all(making);
    },
  };
}

export const digestOf = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

export interface Spooled {
  meta: RecordMeta;
  digest: string;
}

/** What lies in the files of a spool: of what was acknowledged, as much as its last segment still has. May be read beside the collector. */
export async function lookIntoSpool(directory: string): Promise<Spooled[]> {
  const found: Spooled[] = [];
  if (!existsSync(directory)) return found;
  for (const { n } of listSegments(directory)) {
    await scanSegment(segmentPath(directory, n), 0, (entry) => {
      if (entry.kind === 'record') found.push({ meta: entry.meta, digest: digestOf(entry.raw) });
    }).catch(() => undefined); // it was acknowledged, and is gone
  }
  return found;
}

/** @throws when it does not hold in time */
export async function until(holds: () => boolean | Promise<boolean>, what: string, msMax = 60_000): Promise<void> {
  for (const deadline = Date.now() + msMax; !(await holds()); await sleep(100)) {
    if (Date.now() > deadline) throw new Error(`not within ${msMax} ms: ${what}`);
  }
}

/** Resolves once programs say something. */
export const saying = (programs: readonly Program[], text: string): Promise<void> =>
  until(() => programs.every((one) => one.said().includes(text)), `${programs.map(({ name }) => name)} say "${text}"`);

/** Resolves once collectors read their sources: something of them lies in their spools. */
export async function following(spools: readonly string[]): Promise<void> {
  const isFollowing = async (spool: string) =>
    (await lookIntoSpool(spool)).some(({ meta }) => meta.source !== 'collector');
  for (const spool of spools) await until(() => isFollowing(spool), `something lies in ${spool}`);
}
