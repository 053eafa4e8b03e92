// The process that writes a log at a pace (write-log.mjs), and what it tells of it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { startProcess } from './running.ts';

export interface Pace {
  perSecond: number;
  seconds: number;
}

/** When so many records had been written, milliseconds since 1970. */
export type Tick = readonly [atMs: number, records: number];
const Ticks = z.array(z.tuple([z.number(), z.number()])).min(1);

/**
 * @param texts written in turn, each with its newlines
 * @param pids processes they tell of, in turn
 * @returns resolves when all is written
 */
export async function writeLog(
  directory: string,
  texts: readonly string[],
  { to, pids = [0], perSecond, seconds }: Pace & { to: string; pids?: readonly number[] },
): Promise<readonly Tick[]> {
  const at = (name: string) => join(directory, name);
  writeFileSync(at('templates.json'), JSON.stringify(texts));
  const options = { templates: at('templates.json'), to, perSecond, seconds, pids, ticks: at('ticks.json') };
  const writer = resolve('test/bench/pipeline/write-log.mjs');
  await startProcess(process.execPath, [writer, JSON.stringify(options)]).ended();
  return Ticks.parse(JSON.parse(readFileSync(at('ticks.json'), 'utf8')));
}
