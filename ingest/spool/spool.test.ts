import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeEntry } from './entry.ts';
import type { Spool } from './spool.ts';
import {
  clock,
  gaps,
  names,
  newDirectory,
  open,
  opened,
  readAll,
  record,
  shut,
} from './test-support/spool-under-test.ts';

describe('a spool', () => {
  it('gives back what was committed, in order, bytes and envelope untouched', async () => {
    const spool = await open();
    const odd = Buffer.from([0, 255, 10, 13, 0xc3, 0x28]);
    spool.append(record(odd, { attrs: { container_id: 'ü"\n' } }));
    expect(await spool.read(1000), 'not before it is on disk').toBeUndefined();
    await spool.committed();
    const batch = await spool.read(1000);
    expect(batch?.records[0]?.raw.equals(odd)).toBe(true);
    expect(batch?.records[0]?.meta).toEqual(
      (record(odd, { attrs: { container_id: 'ü"\n' } }) as { meta: object }).meta,
    );
  });

  it('gives again, after it was opened anew, what was not acknowledged, and nothing else', async () => {
    const spool = await open();
    const all = names(1000);
    for (const text of all) spool.append(record(text));
    await spool.committed();
    const first = await spool.read(20_000);
    expect(first?.records.length).toBeGreaterThan(10);
    if (first) spool.acknowledge(first);
    const second = await spool.read(20_000);
    expect(second?.records.length).toBeGreaterThan(10);
    await shut(spool);
    const again = await open(spool.directory);
    expect(await readAll(again)).toEqual(all.slice(first?.records.length));
    expect(readdirSync(spool.directory).filter((name) => name.endsWith('.spool')).length, 'what was read is gone').toBe(
      1,
    );
  });

  it('gives all of it once more when what was acknowledged cannot be believed', async () => {
    const spool = await open();
    const all = names(20);
    for (const text of all) spool.append(record(text));
    await spool.committed();
    const first = await spool.read(1_000);
    if (first) spool.acknowledge(first);
    await shut(spool);
    const note = join(spool.directory, 'acknowledged.json');
    const written = readFileSync(note);
    for (let i = 0; i < written.length; i += 3) {
      const mixed = Buffer.from(written);
      mixed[i] = (mixed[i] as number) === 0x31 ? 0x32 : 0x31;
      writeFileSync(note, mixed);
      const again = await open(spool.directory);
      expect((await again.read(1_000_000))?.records.length, `byte ${i}`).toBe(all.length);
      await shut(again);
    }
    writeFileSync(note, written);
    expect(await readAll(await open(spool.directory))).toEqual(all.slice(first?.records.length));
  });

  it('cuts off a torn tail, says so, and goes on behind it', async () => {
    const spool = await open();
    for (const text of names(10)) spool.append(record(text));
    await spool.committed();
    await shut(spool);
    const file = readdirSync(spool.directory)
      .filter((name) => name.endsWith('.spool'))
      .at(-1) as string;
    appendFileSync(join(spool.directory, file), encodeEntry(record('torn in the middle')).subarray(0, 40));
    const again = await open(spool.directory);
    expect(again.tornBytes).toBe(40);
    again.append(record('after'));
    await again.committed();
    expect(await readAll(again)).toEqual([...names(10), 'after']);
  });

  it('finds every whole record wherever a crash cut the file', async () => {
    const spool = await open();
    const all = names(6);
    for (const text of all) spool.append(record(text));
    await spool.committed();
    await shut(spool);
    const file = join(spool.directory, readdirSync(spool.directory).find((name) => name.endsWith('.spool')) as string);
    const whole = readFileSync(file);
    for (let cut = whole.length - 1; cut > 0; cut -= 97) {
      writeFileSync(file, whole);
      truncateSync(file, cut);
      rmSync(join(spool.directory, 'acknowledged.json'), { force: true });
      const again = await open(spool.directory);
      const left = await readAll(again);
      expect(left).toEqual(all.slice(0, left.length));
      expect(whole.length - cut < 600 || left.length < all.length).toBe(true);
      await shut(again);
    }
  });

  it('has records and the checkpoint behind them together or not at all, wherever a kill left the write', async () => {
    const spool = await open();
    const all = names(40);
    const groups = 4;
    for (let group = 0; group < groups; group++) {
      for (const text of all.slice(group * 10, group * 10 + 10)) spool.append(record(text));
      spool.append({ kind: 'checkpoint', stream: 's', state: Buffer.from(String(group * 10 + 10)) });
      await spool.committed();
    }
    for (const text of names(10, 40)) spool.append(record(text)); // acknowledged without a checkpoint: they stay as well
    await spool.committed();
    await shut(spool);
    const path = join(spool.directory, '000000000001.spool');
    const whole = readFileSync(path);
    const seen = new Set<string>();
    for (let cut = whole.length; cut > 200; cut -= 97) {
      writeFileSync(path, whole.subarray(0, cut));
      const again = await open(spool.directory);
      const state = again.restored('s') ?? '0';
      const left = (await readAll(again)).length;
      seen.add(`${state} ${left}`);
      await shut(again);
      rmSync(join(spool.directory, 'acknowledged.json'), { force: true });
    }
    expect([...seen]).toEqual(['40 50', '40 40', '30 30', '20 20', '10 10', '0 0']);
  });

  it('writes what is more than one write, a checkpoint in the midst, without parting it from its records', async () => {
    const path = (n: number) => join(spool.directory, `${String(n).padStart(12, '0')}.spool`);
    const spool = await open(undefined, { bytesMax: 64 << 20, segmentBytes: 8 << 20 });
    const texts = names(6_000); // 5 MB: several writes
    for (const [i, text] of texts.entries()) {
      spool.append(record(text));
      if (i % 3_000 === 2_999) spool.append({ kind: 'checkpoint', stream: 's', state: Buffer.from(String(i + 1)) });
    }
    await spool.committed();
    await shut(spool);
    const bytes = readFileSync(path(1));
    // where the second group begins, a second write does
    writeFileSync(path(1), bytes.subarray(0, Math.floor(bytes.length * 0.75)));
    const again = await open(spool.directory);
    expect([again.restored('s'), (await readAll(again, 1 << 20)).length]).toEqual(['3000', 3_000]);
  });

  it('loses no checkpoint when the segment that was just opened is torn', async () => {
    const spool = await open();
    spool.append(record('a'));
    spool.append({ kind: 'checkpoint', stream: 's', state: Buffer.from('17') });
    await spool.committed();
    await shut(spool);
    writeFileSync(join(spool.directory, '000000000002.spool'), Buffer.of(9, 9));
    const again = await open(spool.directory);
    expect(again.restored('s')).toBe('17');
    again.append(record('b'));
    await again.committed();
    expect(await readAll(again)).toEqual(['a', 'b']);
  });

  it('keeps checkpoints with the records before them, also when their segment is long gone', async () => {
    const spool = await open();
    spool.append({ kind: 'checkpoint', stream: 's', state: Buffer.from('1') });
    spool.append({ kind: 'checkpoint', stream: 't', state: Buffer.from('x') });
    for (const text of names(600)) spool.append(record(text));
    expect(spool.restored('s'), 'not committed yet').toBeUndefined();
    await spool.committed();
    for (const text of names(600)) spool.append(record(text));
    spool.append({ kind: 'checkpoint', stream: 's', state: Buffer.from('2') });
    await spool.committed();
    await readAll(spool);
    await shut(spool);
    const again = await open(spool.directory);
    expect([again.restored('s'), again.restored('t'), again.restored('u')]).toEqual(['2', 'x', undefined]);
  });

  it('drops the oldest when it is full, tells how much of what, and never drops notices of gaps', async () => {
    gaps.length = 0;
    const spool = await open(undefined, { bytesMax: 256 * 1024 });
    spool.append(record('{"gap":1}', { source: 'collector', attrs: { notice: 'gap' } }));
    spool.append(record('{"beat":1}', { source: 'collector', attrs: { notice: 'heartbeat' } }));
    const all = names(2000);
    for (const [i, text] of all.entries()) {
      expect(spool.append(record(text))).toBe(true);
      if (i % 20 === 19) await spool.committed();
    }
    const bytes = readdirSync(spool.directory).reduce(
      (sum, name) => sum + statSync(join(spool.directory, name)).size,
      0,
    );
    expect(bytes).toBeLessThan((256 + 2 * 64 + 256) * 1024);
    const left = await readAll(spool);
    expect(left).toContain('{"gap":1}');
    expect(left).not.toContain('{"beat":1}');
    const bulk = left.filter((text) => text.startsWith('record'));
    expect(bulk, 'the newest').toEqual(all.slice(-bulk.length));
    const dropped = gaps.reduce((sum, gap) => sum + (gap.records ?? 0), 0);
    expect(dropped + bulk.length).toBe(all.length);
    expect(gaps[0]).toMatchObject({ reason: 'spool-full', source: 'auditd', stream: '/var/log/audit/audit.log' });
  });

  it('does not drop the batch that is on its way', async () => {
    const spool = await open(undefined, { bytesMax: 256 * 1024 });
    for (const text of names(50)) spool.append(record(text));
    await spool.committed();
    const batch = await spool.read(4096);
    const onItsWay = batch?.records.map(({ raw }) => raw.toString());
    for (const text of names(2000, 50)) {
      spool.append(record(text));
      await spool.committed();
    }
    expect(batch?.records.map(({ raw }) => raw.toString())).toEqual(onItsWay);
    if (batch) spool.acknowledge(batch);
    expect((await readAll(spool))[0]).toBe(names(1, onItsWay?.length)[0]);
  });

  it('drops by age only what a clock that nobody sets proves old', async () => {
    gaps.length = 0;
    clock.uptimeS = 1000;
    const directory = newDirectory();
    const fill = async (spool: Spool) => {
      for (const text of names(300)) spool.append(record(text));
      await spool.committed();
    };
    await fill(await open(directory));
    await fill(opened[0] as Spool);
    expect(gaps).toEqual([]);
    clock.uptimeS += 7200;
    (opened[0] as Spool).append(record('newest'));
    await (opened[0] as Spool).committed();
    expect(gaps.length).toBeGreaterThan(0);
    clock.uptimeS = 1000;
  });

  it('skips what is damaged in the middle, and says so', async () => {
    gaps.length = 0;
    const spool = await open();
    for (const text of names(300)) spool.append(record(text));
    await spool.committed();
    await spool.committed();
    for (const text of names(10, 300)) spool.append(record(text));
    await spool.committed();
    await shut(spool);
    const first = join(spool.directory, readdirSync(spool.directory).filter((f) => f.endsWith('.spool'))[0] as string);
    const bytes = readFileSync(first);
    bytes[bytes.length - 300] = (bytes[bytes.length - 300] as number) ^ 1;
    writeFileSync(first, bytes);
    const again = await open(spool.directory);
    const left = await readAll(again);
    const all = names(310);
    const lost = all.filter((text) => !left.includes(text));
    expect(lost).toHaveLength(1);
    expect(left).toEqual(all.filter((text) => !lost.includes(text)));
    expect(gaps).toMatchObject([{ reason: 'spool-damaged', source: 'auditd' }]);
  });

  it('takes records of megabytes', async () => {
    const spool = await open(undefined, { bytesMax: 64 << 20 });
    const large = 'y'.repeat(12 << 20);
    spool.append(record('a'));
    spool.append(record(large));
    spool.append(record('b'));
    await spool.committed();
    expect((await readAll(spool)).map((text) => text.length)).toEqual([1, large.length, 1]);
  });

  it('is refused to a second collector, and free again when the first ends', async () => {
    const spool = await open();
    await expect(open(spool.directory)).rejects.toMatchObject({ code: 'busy' });
    await shut(spool);
    await open(spool.directory);
  });

  it('commits up to the last checkpoint for who asks for that, and all for who asks for all, also while it writes', async () => {
    const spool = await open();
    const put = (text: string) => spool.append(record(text));
    const told = (state: string) => spool.append({ kind: 'checkpoint', stream: 's', state: Buffer.from(state) });
    put('one');
    told('1');
    put('of another, not whole yet');
    await spool.committed('checkpoint');
    expect(await readAll(spool)).toEqual(['one']);
    await spool.committed('checkpoint');
    expect(await readAll(spool), 'nothing was told since').toEqual([]);
    told('2');
    const first = spool.committed('checkpoint');
    put('meanwhile');
    const nothingMore = spool.committed('checkpoint');
    told('3');
    put('last');
    const next = [spool.committed('checkpoint'), spool.committed('all')];
    await Promise.all([first, nothingMore, ...next]);
    expect(await readAll(spool)).toEqual(['of another, not whole yet', 'meanwhile', 'last']);
    expect(spool.restored('s')).toBe('3');
    put('behind all checkpoints');
    await shut(spool);
    expect(await readAll(await open(spool.directory)), 'at the end all is').toEqual(['behind all checkpoints']);
  });

  it('shares an fsync among all who wait', async () => {
    const spool = await open();
    const waits = names(500).map((text) => {
      spool.append(record(text));
      return spool.committed();
    });
    await Promise.all(waits);
    expect((await readAll(spool)).length).toBe(500);
  });
});
