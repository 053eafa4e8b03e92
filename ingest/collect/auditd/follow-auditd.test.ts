// The log of auditd, followed: what becomes of its lines, and what a restart changes of it (nothing).
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import type { Collected, CollectorPlace } from '../collector.ts';
import { createWrittenLog } from '../test-support/written-log.ts';
import { createAuditdFollower } from './follow-auditd.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-follow-auditd-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let n = 0;
function newLog() {
  const place = join(directory, String(++n));
  mkdirSync(place);
  return createWrittenLog(join(place, 'audit.log'));
}

/** The collector of a log, and all it gave so far: over restarts, with what it kept. */
function createFollowing(path: string) {
  const records: (Omit<Collected, 'raw'> & { text: string; atMs: number })[] = [];
  const checkpoints: string[] = [];
  let stop = new AbortController();
  let ended: Promise<void> = Promise.resolve();
  const start = () => {
    stop = new AbortController();
    const place: CollectorPlace = {
      emit: ({ raw, ...record }) => {
        records.push({ ...record, text: raw.toString('latin1'), atMs: performance.now() });
        return true;
      },
      checkpoint: (_, state) => void checkpoints.push(state),
      restored: () => checkpoints.at(-1),
      committed: () => Promise.resolve(),
      report: ({ detail }) => {
        throw new Error(detail);
      },
      say: (text) => {
        throw new Error(text);
      },
      now: () => new Date(),
      stop: stop.signal,
    };
    ended = createAuditdFollower({ path })(place);
  };
  start();
  return {
    ...{ records, checkpoints, start },
    texts: () => records.map(({ text }) => text),
    stop: async () => {
      stop.abort();
      await ended;
    },
  };
}

const line = (type: string, serial: number, rest = 'x=1') =>
  `type=${type} msg=audit(1795439390.632:${serial}): ${rest}\n`;

describe('the log of auditd', () => {
  it('gives events, each with its place, and what is no line of auditd as it stands', async () => {
    const log = newLog();
    const following = createFollowing(log.path);
    const laurel = '{"NODE":"worker-2","ID":"1795439390.632:8","SYSCALL":{}}';
    const before = line('SYSCALL', 1, 'pid=4194304') + line('PROCTITLE', 1) + line('EOE', 1);
    log.write(before);
    log.write(`node=worker-1 ${line('PROCTITLE', 2)}----\n${laurel}\nno line of audit\r\n\n`);
    await expect.poll(() => following.records.length).toBe(4);
    await following.stop();
    expect(following.records.map(({ text, node, lines, position }) => [text, node, lines, position])).toEqual([
      [(line('SYSCALL', 1, 'pid=4194304') + line('PROCTITLE', 1)).trimEnd(), '', 2, 0],
      [`node=worker-1 ${line('PROCTITLE', 2)}`.trimEnd(), 'worker-1', 1, before.length],
      [laurel, 'worker-2', 1, expect.any(Number)],
      ['no line of audit\r', '', 1, expect.any(Number)],
    ]);
    expect(following.records[0]?.attrs).toEqual({ file: expect.stringMatching(/^\d+:\d+$/), container_from: 'gone' });
    expect(following.records[1]?.attrs).toEqual({ file: expect.stringMatching(/^\d+:\d+$/) });
  });

  it('holds an event that is not finished for two seconds, no longer, also when other lines come meanwhile', async () => {
    const log = newLog();
    const following = createFollowing(log.path);
    log.write(line('SYSCALL', 1));
    const from = performance.now();
    for (let serial = 2; performance.now() - from < 2_500; serial++) {
      log.write(line('PROCTITLE', serial));
      await sleep(20);
    }
    await following.stop();
    const first = following.records.find(({ text }) => text === line('SYSCALL', 1).trimEnd());
    expect((first?.atMs ?? 0) - from).toBeGreaterThan(1_500);
    expect((first?.atMs ?? 0) - from).toBeLessThan(2_400);
  });

  it('joins the lines of an event over restarts and rotations, and knows the file it began in', async () => {
    const log = newLog();
    const following = createFollowing(log.path);
    log.write(line('PROCTITLE', 1) + line('SYSCALL', 2));
    await expect.poll(() => following.records.length).toBe(1);
    await following.stop();
    log.rotateNumbered(line('PATH', 2));
    log.rotateNumbered();
    log.write(line('SYSCALL', 3) + line('EXECVE', 2));
    following.start();
    const openLines = () => {
      const { open } = JSON.parse(following.checkpoints.at(-1) ?? '').reader.framer as { open: { lines: number }[] };
      return open.map(({ lines }) => lines);
    };
    await expect.poll(openLines).toEqual([3, 1]);
    await following.stop();
    following.start();
    log.write(line('PROCTITLE', 2) + line('PROCTITLE', 3));
    await expect.poll(() => following.records.length).toBe(3);
    await following.stop();
    const two = line('SYSCALL', 2) + line('PATH', 2) + line('EXECVE', 2) + line('PROCTITLE', 2);
    expect(following.texts().slice(1)).toEqual([two.trimEnd(), (line('SYSCALL', 3) + line('PROCTITLE', 3)).trimEnd()]);
    const [one, second, third] = following.records;
    expect([second?.position, third?.position]).toEqual([line('PROCTITLE', 1).length, 0]);
    expect(second?.attrs?.['file']).toBe(one?.attrs?.['file']);
    expect(third?.attrs?.['file']).not.toBe(one?.attrs?.['file']);
  });

  it('does not write checkpoints out of proportion while an event of megabytes comes in', async () => {
    const log = newLog();
    const following = createFollowing(log.path);
    const part = line('EXECVE', 1, `a1=${'41'.repeat(3_700)}`);
    log.write(line('SYSCALL', 1));
    for (let i = 0; i < 600; i++) {
      log.write(part + line('PROCTITLE', i + 2));
      if (i % 150 === 0) await sleep(10);
    }
    log.write(line('PROCTITLE', 1));
    await expect.poll(() => following.records.length, { timeout: 5_000 }).toBe(601);
    await following.stop();
    const written = log.written().length;
    expect(following.texts().at(-1)?.length).toBeGreaterThan(4_000_000);
    const kept = following.checkpoints.reduce((sum, { length }) => sum + length, 0);
    expect(kept).toBeLessThan(4 * written);
    expect(Math.max(...following.checkpoints.map(({ length }) => length))).toBeLessThan(1.5 * written);
  });
});
