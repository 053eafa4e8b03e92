// Hostile input from end to end: between good records, lines made to break or to fill a reader. The good ones are imported, the
// others are kept and told, memory stays bounded, and the books balance.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const directory = mkdtempSync(join(tmpdir(), 'vestige-hostile-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const PROGRAM = resolve(process.env['VESTIGE_PROGRAM'] ?? 'dist/vestige.js');
// An event of 200,000 lines is the worst here: its lines are united in memory (1.0 to 1.5 GB measured, the others 0.9 GB; one line
// of the log alone has 200 MB).
const PEAK_BYTES_MAX = 2e9;
const MEGABYTE = 1024 * 1024;

function run(...args: string[]) {
  const peak = join(directory, 'peak');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', resolve('test/bench/peak.mjs'), PROGRAM, ...args],
    { env: { ...process.env, VESTIGE_BENCH_PEAK: peak, TMPDIR: directory }, maxBuffer: 1 << 30, encoding: 'utf8' },
  );
  return { code: status, out: stdout, err: stderr, peakBytes: Number(readFileSync(peak, 'utf8')) };
}

/** Writes a log piece by piece: a piece is bytes, or bytes that come so many times. */
function write(name: string, pieces: readonly (Buffer | string | readonly [string, number])[]): string {
  const path = join(directory, name);
  const file = openSync(path, 'w');
  for (const piece of pieces) {
    if (typeof piece === 'string') writeSync(file, piece, null, 'latin1');
    else if (Buffer.isBuffer(piece)) writeSync(file, piece);
    else for (let i = 0; i < piece[1]; i++) writeSync(file, piece[0], null, 'latin1');
  }
  closeSync(file);
  return path;
}

let good = 0;
const api = (more = '') =>
  `{"auditID":"good-${++good}","stage":"ResponseComplete","verb":"get","requestReceivedTimestamp":"2026-11-23T13:10:37.5Z"${more}}\n`;
const audit = (more = '') =>
  `type=SYSCALL msg=audit(1795439390.632:${++good}): arch=c000003e syscall=59 pid=7 comm="sh"${more}\ntype=PROCTITLE msg=audit(1795439390.632:${good}): proctitle="sh"\n`;
const keys = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => `,"k${i}":0`).join(''));
const deep = (n: number) => `${'['.repeat(n)}${']'.repeat(n)}`;

interface Summary {
  records: number;
  duplicates: number;
  dead_letters: number;
  events: Record<string, number>;
  balanced: boolean;
  bytes: number;
  lines: number;
}

function importAndCheck(path: string) {
  const store = `embedded:${join(directory, 'store')}`;
  rmSync(join(directory, 'store'), { recursive: true, force: true });
  const { code, out, err, peakBytes } = run('--store', store, '--json', 'ingest', path);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const summary = JSON.parse(out) as Summary;
  expect(summary).toMatchObject({ balanced: true, bytes: statSync(path).size });
  const doctor = run('--store', store, '--json', 'doctor');
  expect(doctor.code, doctor.out).toBe(0);
  const letters = JSON.parse(run('--store', store, '--json', 'dead-letters').out) as { reason: string }[];
  return { summary, reasons: letters.map(({ reason }) => reason).sort(), peakBytes };
}

describe('hostile input', () => {
  let apiLog = '';
  let auditLog = '';
  beforeAll(() => {
    good = 0;
    const x = 'x'.repeat(MEGABYTE);
    apiLog = write('api.log', [
      api(),
      ['{"auditID":"huge","stage":"ResponseComplete","annotations":{"a":"', 1],
      [x, 200],
      '"}}\n',
      api(),
      '\0\0\0\0\n',
      api('\0').replace('"}', '"}'),
      api().replace('\n', '\r\n'),
      '\r\n',
      `{"auditID":"deep","stage":"ResponseComplete","requestObject":${deep(1_000_000)},"requestReceivedTimestamp":"2026-11-23T13:10:37.5Z"}\n`,
      api(`,"requestObject":{"metadata":{"labels":{"a":"b"`).replace('}\n', '}}}}\n'),
      keys.length > 0
        ? '{"auditID":"keys","stage":"ResponseComplete","requestReceivedTimestamp":"2026-11-23T13:10:37.5Z"'
        : '',
      keys,
      '}\n',
      Buffer.concat([
        Buffer.from(api(',"userAgent":"').slice(0, -2)),
        Buffer.from([0xff, 0xfe, 0xc3]),
        Buffer.from('"}\n'),
      ]),
      '{"auditID":"half","stage":\n',
      api(),
    ]);
    auditLog = write('audit.log', [
      audit(),
      [`type=EXECVE msg=audit(1795439390.632:9000): argc=1 a0="`, 1],
      [x, 200],
      '"\n',
      audit(),
      // as long as is taken whole, in values and in pairs
      `type=SYSCALL msg=audit(1795439390.632:9001): ${'a=b '.repeat(2_000_000)}\n`,
      `type=SYSCALL msg=audit(1795439390.632:9002): comm="${'41'.repeat(4_000_000)}\n`,
      audit('\0\0'),
      audit(' exe=\xff\xfe').replaceAll('\n', '\r\n'),
      ...Array.from(
        { length: 200_000 },
        (_, i) => `type=PATH msg=audit(1795439390.632:9003): item=${i} name="/x${i}"\n`,
      ),
      audit(),
    ]);
  });

  it('in a Kubernetes log costs bounded memory, and hides no event', () => {
    const { summary, reasons, peakBytes } = importAndCheck(apiLog);
    expect(reasons).toEqual(
      ['invalid-json', 'invalid-json', ...Array.from({ length: 3 }, () => 'oversized'), 'unknown-format'].sort(),
    );
    expect(summary.events['k8s_audit']).toBe(8);
    expect(peakBytes).toBeLessThan(PEAK_BYTES_MAX);
  });

  it('in an auditd log costs bounded memory, and hides no event', () => {
    const { summary, reasons, peakBytes } = importAndCheck(auditLog);
    expect(new Set(reasons)).toEqual(new Set(['oversized']));
    expect(summary.events['auditd']).toBe(8);
    expect(peakBytes).toBeLessThan(PEAK_BYTES_MAX);
  });

  it('goes through decode as well', () => {
    for (const [log, events] of [
      [apiLog, 8],
      [auditLog, 8],
    ] as const) {
      const { code, out, peakBytes } = run('decode', log);
      expect(code).toBe(0);
      const lines = out.split('\n').filter((line) => line !== '');
      expect(lines.map((line) => typeof JSON.parse(line))).toHaveLength(events);
      expect(peakBytes).toBeLessThan(PEAK_BYTES_MAX);
    }
  });
});
