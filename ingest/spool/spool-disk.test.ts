// A spool on a disk that is full, for a while or for good.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../test/support/random.ts';
import type { Batch } from './reader.ts';
import { listSegments, segmentPath } from './segments.ts';
import type { Spool } from './spool.ts';
import { gaps, names, newDirectory, open, opened, readAll, record, shut } from './test-support/spool-under-test.ts';

const random = createRandom();

describe('a spool on a small disk', () => {
  it.skipIf(process.getuid?.() !== 0 && !process.env['CI'])(
    'on a full disk drops the oldest, and what it then takes is there',
    async () => {
      gaps.length = 0;
      const directory = newDirectory();
      mkdirSync(directory);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
      try {
        const spool = await open(join(directory, 'spool'), { bytesMax: 64 << 20 });
        const all = names(4000);
        for (const [i, text] of all.entries()) {
          spool.append(record(text));
          if (i % 50 === 49) await spool.committed();
        }
        const left = await readAll(spool);
        expect(left, 'the newest').toEqual(all.slice(-left.length));
        expect(left.length).toBeGreaterThan(300);
        expect(gaps.reduce((sum, gap) => sum + (gap.records ?? 0), 0) + left.length).toBe(all.length);
        await shut(spool);
      } finally {
        execFileSync('umount', [directory]);
      }
    },
  );

  it.skipIf(process.getuid?.() !== 0 && !process.env['CI'])(
    'writes what is more than the disk holds, and drops the oldest of it',
    async () => {
      gaps.length = 0;
      const directory = newDirectory();
      mkdirSync(directory);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
      try {
        const spool = await open(join(directory, 'spool'), { bytesMax: 64 << 20 });
        const all = names(4000);
        for (const text of all) expect(spool.append(record(text))).toBe(true);
        spool.append({ kind: 'checkpoint', stream: 's', state: Buffer.from('end') });
        await spool.committed();
        const left = await readAll(spool);
        expect(left, 'the newest').toEqual(all.slice(-left.length));
        expect(left.length).toBeGreaterThan(300);
        expect(gaps.reduce((sum, gap) => sum + (gap.records ?? 0), 0) + left.length).toBe(all.length);
        await shut(spool);
        expect((await open(join(directory, 'spool'))).restored('s')).toBe('end');
        await shut(opened[0] as Spool);
      } finally {
        execFileSync('umount', [directory]);
      }
    },
  );

  it.skipIf(process.getuid?.() !== 0 && !process.env['CI'])(
    'says when nothing can be written, keeps what it took, and goes on when there is room',
    async () => {
      const directory = newDirectory();
      mkdirSync(directory);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
      try {
        const spool = await open(join(directory, 'spool'), { bytesMax: 64 << 20, segmentBytes: 16 << 20 });
        writeFileSync(join(directory, 'hog'), Buffer.alloc(600 * 1024));
        const all = names(1000);
        for (const text of all) expect(spool.append(record(text))).toBe(true);
        await expect(spool.committed()).rejects.toMatchObject({ code: 'unwritable', retriable: true });
        rmSync(join(directory, 'hog'));
        rmSync(join(directory, 'spool', 'reserve'));
        await spool.committed();
        expect(await readAll(spool)).toEqual(all);
        await shut(spool);
      } finally {
        execFileSync('umount', [directory]);
      }
    },
  );

  it.skipIf(process.getuid?.() !== 0 && !process.env['CI'])(
    'drops from the segment it writes to, where that one had to go on and a sink holds the only other',
    async () => {
      gaps.length = 0;
      const directory = newDirectory();
      mkdirSync(directory);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
      try {
        const at = join(directory, 'spool');
        const options = { bytesMax: 64 << 20 };
        const before = await open(at, options);
        for (const text of names(200)) before.append(record(text));
        await before.committed();
        await shut(before);
        const spool = await open(at, options);
        const held = await spool.read(8192);
        // no next segment can be had until the disk is full
        const next = segmentPath(at, (listSegments(at).at(-1)?.n ?? 0) + 1);
        mkdirSync(next);
        const all = names(4000, 200);
        for (const text of all) expect(spool.append(record(text))).toBe(true);
        await expect(spool.committed()).rejects.toMatchObject({ code: 'unwritable' });
        rmdirSync(next);
        await spool.committed();
        spool.acknowledge(held as Batch);
        const left = await readAll(spool);
        expect(left.at(-1), 'the newest').toBe(all.at(-1));
        const lost = gaps.reduce((sum, gap) => sum + (gap.records ?? 0), 0);
        expect(lost + left.length + (held?.records.length ?? 0)).toBe(200 + all.length);
        await shut(spool);
      } finally {
        execFileSync('umount', ['--lazy', directory]);
      }
    },
  );

  it.skipIf(process.getuid?.() !== 0 && !process.env['CI'])(
    'holds no more in memory than its bound, however often writing is tried',
    async () => {
      const directory = newDirectory();
      mkdirSync(directory);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
      try {
        const spool = await open(join(directory, 'spool'), { segmentBytes: 64 << 20 });
        const large = record(Buffer.alloc(1 << 20, 'x'));
        while (spool.append(large));
        for (let i = 0; i < 5; i++) {
          const committing = expect(spool.committed()).rejects.toMatchObject({ code: 'unwritable' });
          expect(spool.append(large), 'also while it is tried').toBe(false);
          await committing;
        }
      } finally {
        execFileSync('umount', ['--lazy', directory]);
      }
    },
  );

  // Whoever sends holds the oldest segment for as long as the sink is away; what is written meanwhile comes faster than segments are prepared.
  it.skipIf(process.getuid?.() !== 0 && !process.env['CI'])(
    `goes on whatever the size of the disk, and however fast it is filled (seed ${random.seed})`,
    async () => {
      for (let run = 0; run < (process.env['VESTIGE_FAULTS'] === 'full' ? 200 : 20); run++) {
        gaps.length = 0;
        const directory = newDirectory();
        mkdirSync(directory);
        const size = `size=${random.between(3000, 4500)}k`;
        execFileSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', directory]);
        try {
          const spool = await open(join(directory, 'spool'), { bytesMax: 8 << 20, segmentBytes: 1 << 20 });
          const heldFrom = random.between(0, 3_000);
          let held: Batch | undefined;
          let made = 0;
          while (made < 10_000) {
            const burst = random.between(1, random.pick([20, 200, 2_000]));
            for (let i = 0; i < burst && spool.append(record(`${made} ${'x'.repeat(1_000)}`)); i++) made++;
            if (made > heldFrom) held ??= await spool.read(256 * 1024);
            const committed = spool.committed().catch(() => undefined);
            if (random.next() < 0.5) await committed;
            if (random.next() < 0.02) await sleep(random.between(0, 10));
          }
          await expect(spool.committed(), `run ${run}, ${size}`).resolves.toBeUndefined();
          if (held) spool.acknowledge(held);
          const left = await readAll(spool, 1 << 20);
          expect(left.at(-1), 'the newest').toMatch(`${made - 1} `);
          const lost = gaps.reduce((sum, gap) => sum + (gap.records ?? 0), 0);
          expect({ run, size, all: lost + left.length + (held?.records.length ?? 0) }).toEqual({
            run,
            size,
            all: made,
          });
          await shut(spool);
        } finally {
          execFileSync('umount', ['--lazy', directory]);
        }
      }
    },
  );
});
