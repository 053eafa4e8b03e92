// The API server's audit log, followed: each line a record, whatever is done to the file and whenever the collector is killed.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { startProgram } from '../../transport/https/test-support/start-program.ts';
import type { CollectorProcessOptions } from '../test-support/collector-process.ts';
import { readUpToEnd } from '../test-support/read-up-to.ts';
import { createWrittenLog } from '../test-support/written-log.ts';
import { createAuditLogFollower } from './follow-audit-log.ts';
import { recordedEvents } from './test-support/event-lists.ts';
import { openSpoolPlace, readSpool } from './test-support/spool-place.ts';

const PROGRAM = new URL('../test-support/collector-process.ts', import.meta.url);
const directory = mkdtempSync(join(tmpdir(), 'vestige-audit-log-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let n = 0;
function newLog() {
  const place = join(directory, String(++n));
  mkdirSync(place);
  return { log: createWrittenLog(join(place, 'audit.log')), spool: join(place, 'spool') };
}

describe('the audit log of the API server', () => {
  it('gives a record a line: blank ones none, carriage returns and what is no event kept, a line without end at the end', async () => {
    const { log, spool } = newLog();
    const place = await openSpoolPlace(spool);
    const following = createAuditLogFollower({ path: log.path })(place);
    log.write('{"kind":"Event"}\r\n\n  \t\nnot json\n{"kind":"Event","auditID":"cut');
    await sleep(400);
    log.write(' in two"}\n{"no":"newline"}');
    await sleep(300);
    log.rotateDated();
    log.write('{"next":"file"}\n');
    await sleep(1_000);
    place.end();
    await following;
    await place.close();
    const records = await readSpool(spool);
    const lines = [
      '{"kind":"Event"}\r',
      'not json',
      '{"kind":"Event","auditID":"cut in two"}',
      '{"no":"newline"}',
      '{"next":"file"}',
    ];
    expect(records.map(({ raw }) => raw.toString())).toEqual(lines);
    expect(records.map(({ meta }) => meta.position)).toEqual([0, 23, 32, 72, 0]);
    for (const { meta } of records)
      expect(meta).toMatchObject({ source: 'k8s-audit', stream: log.path, lines: 1, node: '' });
    const files = records.map(({ meta }) => meta.attrs['file']);
    const { dev, ino } = statSync(log.path);
    expect(files.at(-1)).toBe(`${dev}:${ino}`);
    expect(new Set(files).size).toBe(2);
    expect(place.gaps).toEqual([]);
  });

  it('with a line of 40 MB gives it in pieces, and goes on', async () => {
    const { log, spool } = newLog();
    const long = 'x'.repeat(40 * 1024 * 1024);
    log.write(`before\n${long}\nafter\n`);
    const place = await openSpoolPlace(spool);
    const following = createAuditLogFollower({ path: log.path })(place);
    await expect
      .poll(() => place.restored(log.path) ?? '', { timeout: 20_000 })
      .toContain(`"offset":${long.length + 14},`);
    place.end();
    await following;
    await place.close();
    const records = await readSpool(spool);
    expect(records.map(({ raw }) => raw.length)).toEqual([6, 16 * 1024 * 1024, 16 * 1024 * 1024, 8 * 1024 * 1024, 5]);
    expect(Buffer.concat(records.slice(1, -1).map(({ raw }) => raw)).equals(Buffer.from(long))).toBe(true);
  });

  it('is read on where nothing could be taken for a while, and no line is lost', async () => {
    const { log, spool } = newLog();
    const place = await openSpoolPlace(spool);
    const following = createAuditLogFollower({ path: log.path })(place);
    const lines = Array.from({ length: 20 }, (_, i) => `line ${i}`);
    for (const [i, line] of lines.entries()) {
      log.write(`${line}\n`);
      place.broken = i > 4 && i < 12 ? 'emit' : undefined;
      await sleep(60);
    }
    await sleep(900);
    place.end();
    await following;
    await place.close();
    expect((await readSpool(spool)).map(({ raw }) => raw.toString())).toEqual(lines);
  });

  it('is in the spool once, killed at any moment while it is rotated and compressed', async () => {
    const { log, spool } = newLog();
    const options: CollectorProcessOptions = { kind: 'k8s-audit-log', path: log.path, spool };
    const lines = recordedEvents('web-to-cluster').map((event) => event.toString());
    const bytes = () =>
      existsSync(spool) ? readdirSync(spool).reduce((sum, name) => sum + statSync(join(spool, name)).size, 0) : 0;
    log.write(`${lines[0]}\n`);
    let isWritten = false;
    const writing = async () => {
      for (let at = 1; at < lines.length; at += 10) {
        const text = lines.slice(at, at + 10).join('\n');
        // mostly a write ends within a line
        log.write(text.slice(0, 100));
        log.write(`${text.slice(100)}\n`);
        await sleep(20 * Math.random());
        if (at % 170 === 31) log.rotateDated();
        if (at % 190 === 71) log.compressOldest();
      }
      isWritten = true;
    };
    let written: Promise<void> | undefined;
    let kills = 0;
    while (!isWritten) {
      const program = await startProgram(PROGRAM, options, directory);
      // from here on there is a place to go on from
      await expect.poll(bytes, { timeout: 10_000 }).toBeGreaterThan(1_000);
      await sleep(150);
      written ??= writing();
      await sleep(600 * Math.random());
      program.process.kill('SIGKILL');
      await program.ended;
      kills++;
    }
    await written;
    expect(kills).toBeGreaterThan(3);
    const last = await startProgram(PROGRAM, options, directory);
    await readUpToEnd(last, log.path);
    last.process.kill('SIGTERM');
    const { err } = await last.ended;
    expect(err).toBe('');
    const records = await readSpool(spool);
    expect(lines.length).toBeGreaterThan(1_000);
    expect(records.length, `killed ${kills} times`).toBe(lines.length);
    expect(records.every(({ raw }, i) => raw.toString() === lines[i])).toBe(true);
  });
});
