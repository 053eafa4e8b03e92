// Segments that are made of zeros beforehand: what a kill or a power cut leaves of them.
import { closeSync, cpSync, openSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeEntry } from './entry.ts';
import type { Spool } from './spool.ts';
import { gaps, names, newDirectory, open, readAll, record, shut } from './test-support/spool-under-test.ts';

const SEGMENT_BYTES = 64 * 1024;
const filesOf = (directory: string) =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.spool'))
    .map((name) => join(directory, name));
const isZeros = (path: string) => readFileSync(path).every((byte) => byte === 0);

/** Some segments, each record committed, and the next one made. */
async function filled(): Promise<{ spool: Spool & { directory: string }; all: string[] }> {
  const spool = await open();
  const all: string[] = [];
  const isPrepared = () => filesOf(spool.directory).some(isZeros);
  for (let n = 10; n <= 300 || (n < 1_000 && !isPrepared()); n += 10) {
    const ten = names(10, n - 10);
    for (const text of ten) spool.append(record(text));
    spool.append({ kind: 'checkpoint', stream: 's', state: Buffer.from(String(n)) });
    await spool.committed();
    all.push(...ten);
  }
  expect(isPrepared()).toBe(true);
  return { spool, all };
}
/** As a kill leaves it: what was written is in the files, nothing was closed. */
async function killed(spool: Spool & { directory: string }): Promise<string> {
  const directory = newDirectory();
  cpSync(spool.directory, directory, { recursive: true });
  await shut(spool);
  return directory;
}

describe('a segment made beforehand', () => {
  it('is filled to its size, gives back all after a kill, and is none of what was written when nothing was', async () => {
    gaps.length = 0;
    const { spool, all } = await filled();
    const directory = await killed(spool);
    const again = await open(directory);
    expect(again.tornBytes).toBe(0);
    expect(again.restored('s')).toBe(String(all.length));
    expect(filesOf(directory).some(isZeros), 'what was prepared is gone').toBe(false);
    again.append(record('after'));
    await again.committed();
    expect(await readAll(again)).toEqual([...all, 'after']);
    expect(gaps).toEqual([]);
    for (const path of filesOf(spool.directory)) expect(statSync(path).size).toBeLessThanOrEqual(SEGMENT_BYTES);
  });

  it('holds nothing but records once its spool is closed', async () => {
    const { spool, all } = await filled();
    await shut(spool);
    for (const path of filesOf(spool.directory)) expect(readFileSync(path).at(-1), path).not.toBe(0);
    expect(await readAll(await open(spool.directory))).toEqual(all);
  });

  it('is cut behind the last whole write, though a power cut kept later blocks and not those before them', async () => {
    const { spool, all } = await filled();
    const directory = await killed(spool);
    const last = filesOf(directory).findLast((path) => !isZeros(path)) as string;
    const written = readFileSync(last).findLastIndex((byte) => byte !== 0) + 1;
    const lost = Buffer.concat([encodeEntry(record('its blocks were not written')), encodeEntry({ kind: 'end' })]);
    const kept = encodeEntry(record('never acknowledged'));
    const file = openSync(last, 'r+');
    writeSync(file, kept, 0, kept.length, written + lost.length);
    closeSync(file);
    const again = await open(directory);
    expect(again.tornBytes).toBe(lost.length + kept.length);
    // as long as what was lost: it ends where the whole frame stood, which must not come back
    again.append(record('written in its stead, here'.padEnd(27)));
    await again.committed();
    await shut(again);
    expect(await readAll(await open(directory))).toEqual([...all, 'written in its stead, here'.padEnd(27)]);
  });

  it('keeps the checkpoints of those before it until something stands in it', async () => {
    const { spool, all } = await filled();
    await shut(spool);
    const directory = spool.directory;
    const n = Number(filesOf(directory).at(-1)?.slice(-18, -6)) + 1;
    writeFileSync(join(directory, `${String(n).padStart(12, '0')}.spool`), Buffer.from([7, 0, 0, 0, 9]));
    const torn = await open(directory);
    await readAll(torn);
    await shut(torn);
    expect((await open(directory)).restored('s')).toBe(String(all.length));
  });
});
