// Events as a real auditd hands them on: to its plugin's stdin, and at the socket of its af_unix plugin.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { bundle, startProgram } from '../../transport/https/test-support/start-program.ts';
import { openSpoolPlace, readSpool } from '../k8s-audit/test-support/spool-place.ts';
import { type Auditd, isAvailable, startAuditd } from '../test-support/auditd.ts';
import type { CollectorProcessOptions } from '../test-support/collector-process.ts';
import { compareDigests, digestOf, framedLog } from '../test-support/framed-log.ts';
import { checkpointOf } from '../test-support/read-up-to.ts';
import { createAudispPlugin, createAudispSocketReader } from './audisp.ts';

const PROGRAM = new URL('../test-support/collector-process.ts', import.meta.url);
const PROGRAMS = 2_000;
const directory = mkdtempSync(join(tmpdir(), 'vestige-audisp-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let n = 0;
const newSpool = () => join(directory, `spool-${++n}`);

const line = (type: string, serial: number, rest = 'x=1') =>
  `type=${type} msg=audit(1795439390.632:${serial}): ${rest}\n`;

describe('lines on standard input', () => {
  it('are events, each once, also what is still open when the input ends', async () => {
    const input = new PassThrough();
    const spool = newSpool();
    const place = await openSpoolPlace(spool);
    const collecting = createAudispPlugin({ input })(place);
    input.write(line('SYSCALL', 1, `pid=${process.pid} exe="/bin/x"`) + line('PATH', 1));
    input.write(line('PROCTITLE', 1) + line('EOE', 1) + line('SYSCALL', 2, 'pid=1').slice(0, 30));
    input.write(`${line('SYSCALL', 2, 'pid=1').slice(30)}no line of audit\n${line('SYSCALL', 3)}`);
    input.end('type=PATH msg=audit(1795439390.632:3): no newline');
    await collecting;
    await place.close();
    const records = await readSpool(spool);
    expect(records.map(({ raw, meta }) => [raw.toString().split('\n').length, meta.lines, meta.position])).toEqual([
      [3, 3, 0],
      [1, 1, expect.any(Number)],
      [1, 1, expect.any(Number)],
      [2, 2, expect.any(Number)],
    ]);
    expect(records[0]?.meta).toMatchObject({ source: 'auditd', stream: 'audisp', attrs: { container_from: 'gone' } });
    expect(records[3]?.raw.toString()).toMatch(/no newline$/);
  });

  it('are not held longer than two seconds when an event is not finished', async () => {
    const input = new PassThrough();
    const spool = newSpool();
    const place = await openSpoolPlace(spool);
    const emitted: number[] = [];
    const collecting = createAudispPlugin({ input })({
      ...place,
      emit: (record) => {
        emitted.push(performance.now());
        return place.emit(record);
      },
    });
    const from = performance.now();
    input.write(line('SYSCALL', 1));
    await expect.poll(() => emitted.length, { timeout: 4_000, interval: 10 }).toBe(1);
    expect((emitted[0] ?? 0) - from).toBeGreaterThan(1_500);
    expect((emitted[0] ?? 0) - from).toBeLessThan(2_400);
    // what comes later is a further record of the event
    input.end(line('PROCTITLE', 1));
    await collecting;
    await place.close();
    expect(await readSpool(spool)).toHaveLength(2);
  });

  it('are taken as fast as they come, also when nothing can be kept', async () => {
    const input = new PassThrough();
    const place = await openSpoolPlace(newSpool());
    place.broken = 'emit';
    const collecting = createAudispPlugin({ input })(place);
    for (let i = 0; i < 20_000; i++) input.write(line('PROCTITLE', i));
    await expect.poll(() => input.readableLength, { timeout: 2_000 }).toBe(0);
    place.end();
    await collecting;
    await place.close();
  });
});

describe('a socket', () => {
  it('is waited for and connected again; what was missed meanwhile is told', async () => {
    const path = join(directory, 'a.sock');
    const place = await openSpoolPlace(newSpool());
    const collecting = createAudispSocketReader({ path })(place);
    const sockets: Socket[] = [];
    const listen = async () => {
      const server = createServer((socket) => sockets.push(socket));
      await new Promise<void>((done) => server.listen(path, done));
      await expect.poll(() => sockets.length, { timeout: 10_000 }).toBeGreaterThan(0);
      return server;
    };
    const first = await listen();
    sockets[0]?.write(line('PROCTITLE', 1) + line('SYSCALL', 2).trimEnd());
    await sleep(50);
    sockets.pop()?.destroy();
    await new Promise((closed) => first.close(closed));
    const second = await listen();
    sockets[0]?.write(line('PROCTITLE', 3));
    await sleep(2_300);
    place.end();
    await collecting;
    await new Promise((closed) => second.close(closed));
    expect(place.said).toEqual([expect.stringContaining('ENOENT')]);
    expect(place.gaps.map(({ reason, stream }) => [reason, stream])).toEqual([['stream-interrupted', path]]);
    await place.close();
  });
});

/** Whether it is what it was when it was last asked. */
function isAsBefore(): (value: unknown) => boolean {
  let before = '';
  return (value) => {
    const [was, is] = [before, JSON.stringify(value)];
    before = is;
    return was === is;
  };
}

describe.skipIf(!isAvailable() && !process.env['CI'])('a real auditd', () => {
  const wholeLog = (auditd: Auditd) => Buffer.concat(auditd.files().map((path) => readFileSync(path)));

  it('hands every event to its plugin, in a storm too', async () => {
    const spool = newSpool();
    const endFile = join(directory, 'ended');
    const options: CollectorProcessOptions = { kind: 'audisp-stdin', path: 'audisp', spool, endFile };
    const plugin = join(directory, 'plugin.sh');
    const program = await bundle(PROGRAM, directory);
    writeFileSync(plugin, `#!/bin/sh\nexec ${process.execPath} ${program} '${JSON.stringify(options)}'\n`);
    chmodSync(plugin, 0o750);
    const auditd = await startAuditd({ maxLogMiB: 1, numLogs: 99, plugin });
    let log = Buffer.alloc(0);
    try {
      auditd.audit('execve');
      await auditd.storm(PROGRAMS);
      await auditd.flushed();
    } finally {
      await auditd.stop(() => {
        log = wholeLog(auditd);
      });
    }
    await expect.poll(() => existsSync(endFile), { timeout: 20_000 }).toBe(true);
    const records = (await readSpool(spool)).filter(({ meta }) => meta.source === 'auditd');
    const digests = records.map(({ raw }) => digestOf(raw));
    expect(records.length).toBeGreaterThan(PROGRAMS);
    expect(compareDigests(digests, framedLog(log))).toEqual({ lost: [], added: [] });
  });

  it('gives every event to who reads its socket', async () => {
    const auditd = await startAuditd({ maxLogMiB: 1, numLogs: 99, unixSocket: true });
    const spool = newSpool();
    try {
      const options: CollectorProcessOptions = { kind: 'audisp-socket', path: auditd.socket, spool };
      const program = await startProgram(PROGRAM, options, directory);
      do await auditd.flushed();
      while ((await checkpointOf(program))['position'] === undefined);
      const before = framedLog(wholeLog(auditd));
      auditd.audit('execve');
      await auditd.storm(PROGRAMS);
      await auditd.flushed();
      await expect.poll(() => checkpointOf(program), { timeout: 20_000, interval: 1_000 }).toSatisfy(isAsBefore());
      program.process.kill('SIGTERM');
      await program.ended;
      const log = wholeLog(auditd);
      const records = await readSpool(spool);
      const digests = records.map(({ raw }) => digestOf(raw));
      const { lost, added } = compareDigests(digests, framedLog(log));
      expect(records.length).toBeGreaterThan(PROGRAMS / 2);
      // what was written before the socket was read
      expect([lost.filter((digest) => !before.includes(digest)), added]).toEqual([[], []]);
    } finally {
      await auditd.stop();
    }
  });
});
