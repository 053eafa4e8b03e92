// A followed log against real files: whatever is done to it, what was written is delivered once, in order; and where that cannot be, it is said.
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { createReader, line } from '../test-support/follow-reader.ts';
import { createWrittenLog, type WrittenLog } from '../test-support/written-log.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-follow-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let logs = 0;
function newLog(): WrittenLog {
  const place = join(directory, String(++logs));
  mkdirSync(place);
  return createWrittenLog(join(place, 'audit.log'));
}

describe('a followed log', () => {
  it('is waited for, and read as it grows', async () => {
    const log = newLog();
    const reader = createReader(log.path);
    await sleep(250);
    log.write(line('one'));
    await reader.caughtUp(log);
    log.write('half a li');
    await reader.caughtUp(log);
    log.write('ne\n');
    await reader.caughtUp(log);
    expect([reader.kinds, reader.gaps]).toEqual([['opened'], []]);
    await reader.kill();
  });

  it('is read to its end when it was renamed, also what is written a little later', async () => {
    const log = newLog();
    log.write(line('one'));
    const reader = createReader(log.path);
    await reader.caughtUp(log);
    log.rotateNumbered(line('late'));
    log.write(line('two'));
    await reader.caughtUp(log);
    expect([reader.kinds, reader.gaps]).toEqual([['opened', 'ended', 'opened'], []]);
    await reader.kill();
  });

  it('waits for the writer of the old file as long as the new one is empty', async () => {
    const log = newLog();
    log.write(line('one'));
    const reader = createReader(log.path);
    await reader.caughtUp(log);
    renameSync(log.path, `${log.path}.1`);
    writeFileSync(log.path, '');
    await sleep(700);
    writeFileSync(`${log.path}.1`, line('late'), { flag: 'a' });
    await reader.until(line('one') + line('late'));
    await sleep(50);
    writeFileSync(log.path, line('two'));
    await reader.until(line('one') + line('late') + line('two'));
    await reader.kill();
  });

  it('is found again under other names after a restart, compressed ones too, and nothing is read twice', async () => {
    for (const rotate of ['rotateNumbered', 'rotateDated'] as const) {
      const log = newLog();
      log.write(line('zero'));
      log[rotate]();
      log.write(line('one'));
      const reader = createReader(log.path);
      await reader.until(line('one'));
      await reader.kill();
      log.write(line('more'));
      for (const text of ['two', 'three', 'four']) {
        log[rotate]();
        log.write(line(text));
      }
      for (let i = 0; i < 3; i++) expect(log.compressOldest()).toBe(true);
      reader.start();
      await reader.until(['one', 'more', 'two', 'three', 'four'].map(line).join(''));
      expect(reader.gaps).toEqual([]);
      await reader.kill();
    }
  });

  it('says when the file it was reading is gone, and goes on with the oldest after it', async () => {
    const log = newLog();
    log.write(line('one'));
    const reader = createReader(log.path);
    await reader.caughtUp(log);
    await reader.kill();
    for (const text of ['two', 'three']) {
      log.rotateNumbered();
      log.write(line(text));
    }
    unlinkSync(`${log.path}.2`);
    reader.start();
    await reader.until(['one', 'two', 'three'].map(line).join(''));
    expect(reader.reasons()).toEqual(['log-lost']);
    await reader.kill();
    reader.start();
    await sleep(600);
    expect(reader.reasons()).toEqual(['log-lost']);
    await reader.kill();
  });

  it('of which an old file was removed by hand does not read the older ones again', async () => {
    const log = newLog();
    log.write(line('zero'));
    log.rotateNumbered();
    log.write(line('one'));
    const reader = createReader(log.path);
    await reader.until(line('one'));
    await reader.kill();
    log.rotateNumbered();
    unlinkSync(`${log.path}.1`);
    log.write(line('two'));
    reader.start();
    await reader.until(line('one') + line('two'));
    expect(reader.reasons()).toEqual(['log-lost']);
    await reader.kill();
  });

  it('that was truncated is read from its start, and that something may be missing is said', async () => {
    const log = newLog();
    log.write(line('one') + line('two'));
    const reader = createReader(log.path);
    await reader.caughtUp(log);
    log.truncate();
    log.write(line('three'));
    await reader.caughtUp(log);
    expect(reader.reasons()).toEqual(['log-truncated']);
    // longer than before at once
    log.truncate();
    log.write(line('four') + line('five'));
    await reader.caughtUp(log);
    await reader.kill();
    log.truncate();
    log.write(line('six'));
    reader.start();
    await reader.caughtUp(log);
    expect(reader.reasons()).toEqual(['log-truncated', 'log-truncated', 'log-truncated']);
    await reader.kill();
  });

  it('that was cut to a part is read from its start', async () => {
    const log = newLog();
    const lines = Array.from({ length: 30 }, (_, i) => line(`line ${i}`)).join('');
    log.write(lines);
    const reader = createReader(log.path);
    await reader.caughtUp(log);
    writeFileSync(log.path, lines.slice(0, 2_000), { flag: 'r+' });
    truncateSync(log.path, 2_000);
    await reader.until(lines + lines.slice(0, 2_000));
    expect(reader.reasons()).toEqual(['log-truncated']);
    await reader.kill();
  });

  it('that was copied and truncated is read on in the copy', async () => {
    const log = newLog();
    log.write(line('one'));
    const reader = createReader(log.path);
    await reader.caughtUp(log);
    await reader.kill();
    log.write(line('two'));
    log.copyTruncate();
    log.write(line('three'));
    reader.start();
    await reader.caughtUp(log);
    log.copyTruncate();
    log.write(line('four'));
    await reader.caughtUp(log);
    expect(reader.reasons()).toEqual(['log-truncated', 'log-truncated']);
    await reader.kill();
  });

  it('that was deleted is read while its writer has it, and the new one after it', async () => {
    const log = newLog();
    log.write(line('one'));
    const reader = createReader(log.path);
    await reader.caughtUp(log);
    const writer = openSync(log.path, 'a');
    unlinkSync(log.path);
    await sleep(300);
    writeSync(writer, line('unseen by name'));
    closeSync(writer);
    await reader.until(line('one') + line('unseen by name'));
    writeFileSync(log.path, line('two'));
    await reader.until(line('one') + line('unseen by name') + line('two'));
    expect(reader.gaps).toEqual([]);
    await reader.kill();
  });

  it('whose inode was given to its successor is not taken for it', async () => {
    const log = newLog();
    log.write(line('one').repeat(20));
    const reader = createReader(log.path);
    await reader.caughtUp(log);
    await reader.kill();
    const { ino } = statSync(log.path);
    unlinkSync(log.path);
    const text = line('other').repeat(30);
    writeFileSync(log.path, text);
    if (statSync(log.path).ino !== ino)
      console.warn('the inode was not given again: this test saw less than it should');
    reader.start();
    await reader.until(line('one').repeat(20) + text);
    expect(reader.gaps).toHaveLength(1);
    await reader.kill();
  });

  it('survives a directory in its place, and a damaged compressed file, and says so', async () => {
    const log = newLog();
    log.write(line('one'));
    const reader = createReader(log.path);
    await reader.caughtUp(log);
    await reader.kill();
    log.write(Array.from({ length: 5_000 }, (_, i) => line(`${i * 7919}`)).join(''));
    log.rotateNumbered();
    log.compressOldest();
    const bytes = readFileSync(`${log.path}.1.gz`);
    writeFileSync(`${log.path}.1.gz`, bytes.subarray(0, bytes.length / 2));
    unlinkSync(log.path);
    mkdirSync(log.path);
    reader.start();
    await sleep(400);
    rmSync(log.path, { recursive: true });
    writeFileSync(log.path, line('two'));
    await expect.poll(reader.text, { timeout: 10_000 }).toMatch(/two x+\n$/);
    expect(reader.reasons()).toEqual(['log-lost']);
    expect(
      log
        .written()
        .toString()
        .startsWith(reader.text().replace(/two x+\n$/, '')),
    ).toBe(true);
    await reader.kill();
  });
});
