// kill -9 at any moment of an import: what is imported afterwards is what an undisturbed import gives, no more, no less.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readUncompressed, splitLines, start as startOf } from '../../ingest/frame/lines.ts';
import { contentOf, rowsOf } from '../support/content.ts';
import { start, vestige } from '../support/vestige.ts';

const recording = (name: string) => `test/fixtures/recordings/${name}`;
const KILLS = 4;
const directory = mkdtempSync(join(tmpdir(), 'vestige-kill-'));
// a batch holds the records of 500 streams at most (ingest/load/segment.ts): more than one batch, so that a kill may come between batches too
const STREAMS = 600;
const LOGS = [recording('web-to-cluster'), join(directory, 'streams'), recording('poisoned-image')];
const importInto = (store: string) => start(['--store', `embedded:${store}`, '--json', 'ingest', ...LOGS]);

async function writeStreams(): Promise<void> {
  mkdirSync(join(directory, 'streams'));
  const chunks = readUncompressed(`${recording('quiet-day')}/containerd-events.log.zst`, () => undefined);
  const events: Buffer[] = [];
  for await (const block of splitLines(chunks))
    for (let i = 0; i < block.count; i++)
      events.push(Buffer.from(block.bytes.subarray(startOf(block, i), block.ends[i])));
  expect(events.length).toBeGreaterThan(STREAMS);
  for (const [i, event] of events.slice(0, STREAMS).entries())
    writeFileSync(join(directory, 'streams', `${i}.log`), event);
}

let undisturbed: Awaited<ReturnType<typeof contentOf>>;
let tookMs = 0;

beforeAll(async () => {
  await writeStreams();
  const before = Date.now();
  const { code } = await importInto(join(directory, 'undisturbed')).ended;
  tookMs = Date.now() - before;
  expect(code).toBe(0);
  undisturbed = await contentOf(join(directory, 'undisturbed'));
  expect(undisturbed['records']?.rows).toBeGreaterThan(50_000);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Starts imports and kills them, each some time later than the one before, with chance in it; says when. */
async function killImports(store: string): Promise<number[]> {
  const moments: number[] = [];
  for (let i = 0; i < KILLS; i++) {
    const ms = Math.round(((i + Math.random()) / KILLS) * tookMs);
    const { process, ended } = importInto(store);
    await sleep(ms);
    process.kill('SIGKILL');
    const { signal, code } = await ended;
    expect(signal === 'SIGKILL' || code === 0, `after ${ms} ms: ${code}`).toBe(true);
    moments.push(ms);
  }
  return moments;
}

describe('an import killed again and again', () => {
  it('loses nothing and doubles nothing once one import gets through', async () => {
    const store = join(directory, 'killed');
    const moments = await killImports(store);
    const { code, out } = await importInto(store).ended;
    expect(code).toBe(0);
    const { records, duplicates } = JSON.parse(out) as { records: number; duplicates: number };
    expect(records + duplicates).toBe(undisturbed['records']?.rows);
    expect(await contentOf(store), `killed after ${moments.join(', ')} ms`).toEqual(undisturbed);
    expect(await rowsOf(store, 'staged')).toBe(0);
    expect(readdirSync(join(store, 'tmp'))).toEqual([]);
  });

  it('beside a running `vestige up` does the same', async () => {
    const store = join(directory, 'beside');
    const up = start(['--store', `embedded:${store}`, 'up', '--port', '0']);
    let moments: number[];
    try {
      await expect.poll(() => up.err(), { timeout: 30_000 }).toMatch(/http:\/\//);
      moments = await killImports(store);
      expect((await importInto(store).ended).code).toBe(0);
    } finally {
      up.process.kill('SIGTERM');
    }
    expect(await up.ended).toMatchObject({ code: 0 });
    expect(await contentOf(store), `killed after ${moments.join(', ')} ms`).toEqual(undisturbed);
    expect(await rowsOf(store, 'staged')).toBe(0);
  });

  it('survives the end of the process that owns the store', async () => {
    const store = join(directory, 'owner-killed');
    const up = start(['--store', `embedded:${store}`, 'up', '--port', '0']);
    await expect.poll(() => up.err(), { timeout: 30_000 }).toMatch(/http:\/\//);
    const importing = importInto(store);
    await sleep(tookMs / 2);
    up.process.kill('SIGKILL');
    await up.ended;
    const { code, err } = await importing.ended;
    expect(code === 0 || err !== '', 'it got through, or says why not').toBe(true);
    expect((await vestige('--store', `embedded:${store}`, 'ingest', ...LOGS)).code).toBe(0);
    expect(await contentOf(store)).toEqual(undisturbed);
    expect(await rowsOf(store, 'staged')).toBe(0);
  });
});
