// `vestige ingest` as users run it: the built program, real logs, whole, twice, in parts, damaged, beside others.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zstdStored } from '../../ingest/test-support/compress.ts';
import { contentOf } from '../support/content.ts';
import { bytesOf, linesOf, RECORDING } from '../support/recording.ts';
import { start, vestige } from '../support/vestige.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-import-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let made = 0;
const newStore = () => join(directory, `store-${made++}`);
const write = (name: string, bytes: Buffer | string) => {
  const path = join(directory, `${made++}-${name}`);
  writeFileSync(path, bytes);
  return path;
};

async function ingest(store: string, ...paths: string[]) {
  const { code, out, err } = await vestige('--store', `embedded:${store}`, '--json', 'ingest', ...paths);
  return {
    code,
    err,
    ...(JSON.parse(out === '' ? '{}' : out) as {
      records: number;
      duplicates: number;
      dead_letters: number;
      events: Record<string, number>;
      problems: unknown[];
    }),
  };
}

const auditLines = linesOf('audit.log', 6000);

describe('a recording', () => {
  const store = newStore();
  let before: Awaited<ReturnType<typeof contentOf>>;
  beforeAll(async () => {
    expect(await ingest(store, RECORDING)).toMatchObject({
      code: 0,
      err: '',
      records: 25365,
      duplicates: 0,
      dead_letters: 0,
      events: { k8s_audit: 3298, auditd: 20532, runtime: 1535 },
      // as wc counts the four logs
      lines: 99145,
      bytes: 26136110,
      folded_lines: 99145 - 25365,
      balanced: true,
    });
    before = await contentOf(store);
  });

  it('has a typed row for every event', () => {
    expect(Object.fromEntries(Object.entries(before).map(([table, { rows }]) => [table, rows]))).toEqual({
      records: 25365,
      k8s_audit: 3298,
      auditd: 20532,
      runtime: 1535,
      dead_letters: 0,
    });
  });

  it('imported again changes nothing, and says so', async () => {
    expect(await ingest(store, RECORDING)).toMatchObject({
      code: 0,
      records: 0,
      duplicates: 25365,
      events: { k8s_audit: 0, auditd: 0, runtime: 0 },
    });
    expect(await contentOf(store)).toEqual(before);
  });

  it('is imported beside a running `vestige up`, which answers for it', async () => {
    const at = newStore();
    const up = start(['--store', `embedded:${at}`, 'up', '--port', '0']);
    try {
      await expect.poll(() => up.err(), { timeout: 30_000 }).toMatch(/http:\/\//);
      expect(await ingest(at, RECORDING)).toMatchObject({ code: 0, records: 25365 });
      const { out, code } = await vestige('--store', `embedded:${at}`, '--json', 'containers', '--limit', '1');
      expect(code).toBe(0);
      expect(JSON.parse(out)).toBeInstanceOf(Array);
    } finally {
      up.process.kill('SIGTERM');
      expect(await up.ended).toMatchObject({ code: 0 });
    }
    expect(await contentOf(at)).toEqual(before);
  });
});

describe('one log', () => {
  it('is the same records plain, as gzip and as zstd', async () => {
    const store = newStore();
    const bytes = bytesOf(auditLines);
    const first = await ingest(store, write('audit.log', bytes));
    expect(first.records).toBeGreaterThan(1000);
    for (const again of [
      write('a.gz', gzipSync(bytes)),
      write('a.zst', zstdStored(bytes)),
      write('two.zst', Buffer.concat([zstdStored(bytes.subarray(0, 1e5)), zstdStored(bytes.subarray(1e5))])),
    ]) {
      expect(await ingest(store, again)).toMatchObject({ code: 0, records: 0, duplicates: first.records });
    }
  });

  const inTheMiddle = (from: number) => {
    // a line of an event that goes on: what is cut here leaves two halves of one event
    const at = auditLines.findIndex(
      (line, i) => i > from && line.startsWith('type=PATH') && !(auditLines[i + 1] ?? '').startsWith('type=SYSCALL'),
    );
    expect(at).toBeGreaterThan(from);
    return at + 1;
  };
  const whole = bytesOf(auditLines);
  const [k, m] = [inTheMiddle(2000), inTheMiddle(4000)];
  const startOf = (line: number) => bytesOf(auditLines.slice(0, line)).length;
  let imported: Promise<string> | undefined;
  const importWhole = async () => {
    const store = newStore();
    await ingest(store, write('whole.log', whole));
    return store;
  };
  const wholeStore = () => {
    imported ??= importWhole();
    return imported;
  };
  it.each([
    [
      'two overlapping halves, cut between the lines of an event',
      [whole.subarray(0, startOf(m)), whole.subarray(startOf(k))],
    ],
    ['the later half first', [whole.subarray(startOf(k)), whole.subarray(0, startOf(m))]],
    ['halves cut inside a line', [whole.subarray(0, startOf(m) + 95), whole.subarray(startOf(k) + 3)]],
    ['halves cut inside a line, the later first', [whole.subarray(startOf(k) + 3), whole.subarray(0, startOf(m) + 95)]],
  ])('in %s gives the events of the whole', async (_, parts) => {
    const ofParts = newStore();
    for (const part of parts) expect((await ingest(ofParts, write('part.log', part))).records).toBeGreaterThan(100);
    const leftOut = ['digests']; // which records an event came in
    const expected = await contentOf(await wholeStore(), leftOut);
    const got = await contentOf(ofParts, leftOut);
    expect(got['auditd']?.rows).toBe(expected['auditd']?.rows);
    expect(got['auditd']).toEqual(expected['auditd']);
  });

  it('without a newline at its end, with CRLF and empty lines is read to its end', async () => {
    const store = newStore();
    const lines = linesOf('k8s-audit.log', 50);
    expect(await ingest(store, write('no-newline.log', bytesOf(lines).subarray(0, -1)))).toMatchObject({ records: 50 });
    expect(await ingest(store, write('gaps.log', bytesOf(lines.map((l) => `\n${l}`))))).toMatchObject({
      records: 0,
      duplicates: 50,
    });
    // the carriage return was received: other bytes, other records, the same events
    expect(await ingest(store, write('crlf.log', bytesOf(lines.map((l) => l.replace('\n', '\r\n')))))).toMatchObject({
      records: 50,
      dead_letters: 0,
    });
    expect((await contentOf(store))['k8s_audit']?.rows).toBe(50);
  });

  it('with a half-written last line keeps it as a dead letter', async () => {
    const store = newStore();
    const lines = linesOf('k8s-audit.log', 10);
    expect(await ingest(store, write('half.log', bytesOf(lines).subarray(0, -300)))).toMatchObject({
      code: 0,
      records: 10,
      dead_letters: 1,
    });
    expect(await contentOf(store)).toMatchObject({
      records: { rows: 10 },
      k8s_audit: { rows: 9 },
      dead_letters: { rows: 1 },
    });
  });
});

describe('bad input', () => {
  it('beside a log in a directory is left alone', async () => {
    const folder = join(directory, 'mixed/deeper');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'audit.log'), bytesOf(auditLines.slice(0, 100)));
    writeFileSync(join(folder, 'photo.bin'), randomBytes(300_000));
    writeFileSync(join(folder, 'empty'), '');
    writeFileSync(join(folder, 'notes.txt'), 'type=note\nnothing here\n');
    writeFileSync(join(folder, 'node.json'), '{"node":5}');
    expect(await ingest(newStore(), join(directory, 'mixed'))).toMatchObject({
      code: 0,
      err: '',
      skipped: 4,
      dead_letters: 0,
      problems: [],
    });
  });

  it.each<[string, () => string, number, RegExp]>([
    ['a path that is not there', () => join(directory, 'nowhere'), 3, /nowhere: no such file/],
    ['an empty file', () => write('empty.log', ''), 0, /empty\.log: the file is empty/],
    ['a binary file', () => write('noise.bin', randomBytes(500_000)), 1, /noise\.bin: holds no Kubernetes audit/],
    ['a file of something else', () => write('readme.md', '# Hello\n'), 1, /readme\.md: holds no Kubernetes audit/],
    [
      'a directory without logs',
      () => {
        const d = join(directory, 'empty-dir');
        mkdirSync(d);
        return d;
      },
      0,
      /empty-dir: the directory holds no files/,
    ],
  ])('%s is told of, with the right exit code', async (_, make, exitCode, words) => {
    const { code, err, records } = await ingest(newStore(), make());
    expect(err).toMatch(words);
    expect(code).toBe(exitCode);
    expect(records).toBe(0);
  });

  const bytes = bytesOf(auditLines);
  it.each([
    ['a gzip cut short', gzipSync(bytes).subarray(0, -2000), 1000],
    ['a gzip with damage in the middle', damaged(gzipSync(bytes)), 200],
    ['a zstd cut short', zstdStored(bytes).subarray(0, -2000), 900],
  ])('%s keeps what stands before the damage, and exits 1', async (_, file, atLeast) => {
    const store = newStore();
    const { code, err, records } = await ingest(store, write('cut.log.x', file));
    expect(err).toMatch(/cut\.log\.x: .*what could be read before is kept/);
    expect(code).toBe(1);
    expect(records).toBeGreaterThan(atLeast);
    expect((await contentOf(store))['records']?.rows).toBe(records);
  });

  function damaged(file: Buffer): Buffer {
    const copy = Buffer.from(file);
    copy.fill(0xff, copy.length / 2, copy.length / 2 + 64);
    return copy;
  }
});

describe('a store held by a process that does not answer', () => {
  it('is refused with the name of its holder', async () => {
    const store = newStore();
    mkdirSync(store, { recursive: true });
    const hold = `import { createChdbConnection } from 'chdb/connection';
      createChdbConnection({ path: ${JSON.stringify(join(store, 'engine'))} }); console.log('held'); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', hold], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await new Promise((ready) => holder.stdout.once('data', ready));
      const owner = {
        pid: holder.pid,
        host: hostname(),
        command: 'another program',
        since: '2026-01-01T00:00:00Z',
        address: 'http://127.0.0.1:9',
        token: 'x',
      };
      writeFileSync(join(store, 'owner.json'), JSON.stringify(owner));
      const { code, err } = await ingest(store, RECORDING);
      expect(err).toContain(`process ${holder.pid} on ${hostname()} (another program`);
      expect(code).toBe(1);
    } finally {
      holder.kill();
    }
  });

  it('is refused also when it was stopped, and served once it goes on', async () => {
    const store = newStore();
    const up = start(['--store', `embedded:${store}`, 'up', '--port', '0']);
    try {
      await expect.poll(() => up.err(), { timeout: 30_000 }).toMatch(/http:\/\//);
      up.process.kill('SIGSTOP');
      const { code, err } = await ingest(store, RECORDING);
      expect(err).toContain(`process ${up.process.pid} on ${hostname()} (vestige up`);
      expect(code).toBe(1);
      up.process.kill('SIGCONT');
      expect(await ingest(store, RECORDING)).toMatchObject({ code: 0 });
    } finally {
      up.process.kill('SIGCONT');
      up.process.kill('SIGTERM');
      await up.ended;
    }
  });
});
