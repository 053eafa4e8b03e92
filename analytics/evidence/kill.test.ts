// kill -9 of a real process while it seals, and while it lets records go: nothing is lost, the next run mends it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from '../store/connect.ts';
import type { Store } from '../store/store.ts';
import type { KilledWork } from './kill-worker.ts';
import { applyRetention } from './retention.ts';
import { seal } from './seal.ts';
import { signingKey } from './seal-key.ts';
import { addRecords, markCorrelated, scalar } from './testing.ts';
import { verify } from './verify.ts';

const scratch = mkdtempSync(join(tmpdir(), 'vestige-kill-'));
// inside node_modules' reach: the bundle loads the engine from there
const worker = resolve(import.meta.dirname, '../../node_modules', `.kill-worker-${process.pid}.mjs`);
const by = { actor: 'tester', now: () => new Date('2026-11-20T00:00:00Z') };

beforeAll(async () => {
  await build({
    ...{ entryPoints: [join(import.meta.dirname, 'kill-worker.ts')], outfile: worker, bundle: true, platform: 'node' },
    ...{ format: 'esm', loader: { '.sql': 'text' }, packages: 'external', logLevel: 'silent' },
  });
});
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
  rmSync(worker, { force: true });
});

/** Starts the worker, waits until it has begun and `delayMs` more, kills it; true when it was not done before. */
async function killAfter(directory: string, work: KilledWork, delayMs: number): Promise<boolean> {
  const child = spawn(process.execPath, [worker, directory, work], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => said.push(line));
  await once(lines, 'line');
  await sleep(delayMs);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return !said.includes('done');
}

async function open<T>(directory: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await connect(`embedded:${directory}`, 'test');
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

it('mends a seal that was killed in the middle', async () => {
  const directory = join(scratch, 'seal');
  await open(directory, (store) => addRecords(store, { loader: 'a', from: 1, count: 20_000 }));
  let killed = 0;
  for (const delayMs of [40, 150, 300]) {
    if (await killAfter(directory, 'seal', delayMs)) killed++;
    const left = await open(directory, (store) => verify(store, {}));
    expect(left).toMatchObject({ verified: true, differences: [] });
    expect(left.leaves + left.unsealed).toBe(20_000);
  }
  expect(killed).toBeGreaterThan(0);
  await open(directory, async (store) => {
    await seal({ store, now: by.now, key: signingKey(store, undefined) });
    expect(await verify(store, {})).toMatchObject({ verified: true, leaves: 20_000, unsealed: 0 });
    expect(await scalar(store, '(SELECT count() FROM seal_leaves)')).toBe(20_000);
  });
});

it('loses no kept record when retention is killed in the middle', async () => {
  const directory = join(scratch, 'retention');
  const months = Array.from({ length: 12 }, (_, i) => String(i + 1).padStart(2, '0'));
  await open(directory, async (store) => {
    for (const month of months) {
      const times = { eventTime: `2024-${month}-05T00:00:00Z`, receivedAt: '2026-01-01T00:00:00Z' };
      await addRecords(store, { loader: `m${month}`, from: 1, count: 400, ...times });
    }
    await store.run(
      `INSERT INTO chain_members (cluster, chain_id, digest, member_id, layer, time, step, role, version)
       SELECT cluster, 'chain', digest, 'm', 'auditd', event_time, 1, 'core', 1 FROM records WHERE seq IN (7, 8, 9)`,
    );
    await markCorrelated(store, '2026-11-19T00:00:00Z');
    await seal({ store, now: by.now, key: signingKey(store, undefined) });
  });
  let killed = 0;
  for (const delayMs of [30, 120, 250]) {
    if (await killAfter(directory, 'retention', delayMs)) killed++;
    await open(directory, async (store) => {
      expect(await scalar(store, '(SELECT uniqExact(digest) FROM records_all WHERE seq IN (7, 8, 9))')).toBe(36);
      expect(await verify(store, {})).toMatchObject({ verified: true, differences: [] });
    });
  }
  expect(killed).toBeGreaterThan(0);
  await open(directory, async (store) => {
    await applyRetention(store, 90, signingKey(store, undefined), by);
    expect(await scalar(store, '(SELECT count() FROM records)')).toBe(0);
    expect(await scalar(store, '(SELECT count() FROM records_kept)')).toBe(36);
    expect(await scalar(store, '(SELECT countIf(finished = 0) FROM retention_drops FINAL)')).toBe(0);
    expect(await verify(store, {})).toMatchObject({ verified: true, leaves: 4800, expired: 4764 });
  });
});
