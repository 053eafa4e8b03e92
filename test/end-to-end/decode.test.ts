// `vestige decode` as users run it, in pipes: the events of a store without the store.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../analytics/store/connect.ts';
import { bytesOf, linesOf } from '../support/recording.ts';
import { vestige } from '../support/vestige.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-decode-test-'));
const temporary = join(directory, 'tmp');
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeEach(() => mkdirSync(temporary, { recursive: true }));

type Event = Record<string, unknown>;
const eventsIn = (text: string): Event[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Event);

/** Runs `sh -c` with the program as $V and a directory of its own for temporary files. */
async function shell(
  script: string,
  input: Buffer | string = '',
  whileRunning?: (interrupt: () => void, out: string) => void,
) {
  const child = spawn('sh', ['-c', script], {
    env: { ...process.env, TMPDIR: temporary, V: `${process.execPath} ${resolve('dist/vestige.js')}` },
    detached: true,
  });
  let out = '';
  let err = '';
  const interrupt = () => process.kill(-(child.pid ?? 0), 'SIGINT');
  child.stdout.on('data', (data) => {
    out += data;
    whileRunning?.(interrupt, out);
  });
  child.stderr.on('data', (data) => (err += data));
  child.stdin.on('error', () => {}).write(input);
  if (!whileRunning) child.stdin.end();
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, out, err };
}
const write = (name: string, bytes: Buffer | string) => {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
};

const audit = bytesOf(linesOf('audit.log', 5000));
const api = bytesOf(linesOf('k8s-audit.log', 200));

describe('decode', () => {
  it('of a pipe gives the rows a store would hold, each once, in the order of the log', async () => {
    const { code, out, err } = await shell('$V decode --ndjson --node worker-1', audit);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const events = eventsIn(out);
    const store = join(directory, 'store');
    await vestige('--store', `embedded:${store}`, 'ingest', write('audit.log', audit), '--node', 'worker-1');
    const open = await connect(`embedded:${store}`, 'test');
    const rows = await open.rows(
      "SELECT 'auditd' AS source, * EXCEPT (loader, seq, version, digests), lower(hex(t.digests[1])) AS digest, arrayMap(d -> lower(hex(d)), t.digests) AS digests FROM auditd AS t FINAL ORDER BY seq",
    );
    await open.close();
    expect(events).toEqual(rows);
    expect(events.find((e) => e['syscall_name'] === 'execve')).toMatchObject({ syscall: 59, argv: expect.any(Array) });
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('of several sources mixed keeps their order', async () => {
    const start = (n: number) =>
      `2026-11-23 13:09:${n}.9 +0000 UTC k8s.io /tasks/start {"container_id":"c${n}","pid":${n}}\n`;
    const request = (n: number) => `{"auditID":"a${n}","stage":"ResponseComplete"}\n`;
    const login = (n: number) =>
      `type=USER_LOGIN msg=audit(1795439390.632:${n}): pid=${n} msg='op=login res=success'\n`;
    const mixed = [10, 11, 12].map((n) => login(n) + request(n) + start(n)).join('');
    const { out } = await shell('cat | $V decode -', mixed);
    const told = eventsIn(out).map((e) => e['serial'] ?? e['audit_id'] ?? e['container_id']);
    expect(told).toEqual([10, 'a10', 'c10', 11, 'a11', 'c11', 12, 'a12', 'c12']);
  });

  it('tells what it cannot decode on stderr, and goes on', async () => {
    const path = write('broken.log', Buffer.concat([api, Buffer.from('what \u001b[2J is this\n{"auditID":\n'), api]));
    const { code, out, err } = await shell(`$V decode ${path}`);
    expect(code).toBe(0);
    expect(eventsIn(out)).toHaveLength(400);
    expect(err.trim().split('\n')).toEqual([
      expect.stringMatching(/broken\.log at byte \d+: unknown-format: what \\x1b\[2J is this$/),
      expect.stringMatching(/broken\.log at byte \d+: invalid-json: \{"auditID":$/),
    ]);
    expect((await shell(`$V decode --strict ${path}`)).code).toBe(1);
  });

  it('and every other command leave standard input to whom it belongs', async () => {
    const script = `for f in 1 2; do $V --store embedded:${join(directory, 'loop')} ingest package.json; done; cat`;
    expect(await shell(script, 'mine\n')).toMatchObject({ code: 0, out: expect.stringMatching(/mine\n$/) });
  });

  it('gives JSON whatever the bytes are', async () => {
    const hostile = `type=SYSCALL msg=audit(1.000:5): comm=FF0A22 exe="/bin/\xff" key=(null)\n`;
    const { out } = await shell('$V decode', Buffer.from(hostile, 'latin1'));
    expect(eventsIn(out)).toMatchObject([{ serial: 5, exe: '/bin/\ufffd' }]);
  });

  it.each([
    ['a path that is not there', '$V decode /nowhere', 1],
    ['a file of something else', '$V decode package.json', 1],
    ['CSV', '$V --csv decode package.json', 2],
    ['nothing', '$V decode </dev/null', 0],
  ])('of %s says so', async (_, script, exitCode) => {
    const { code, err } = await shell(script);
    expect(err).toMatch(/^vestige: /);
    expect(code).toBe(exitCode);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('ends quietly when nobody reads on, and leaves nothing behind', async () => {
    const path = write('long.log', Buffer.concat(Array.from({ length: 40 }, () => api)));
    const { out, err } = await shell(`$V decode ${path} | head -n 2`);
    expect(eventsIn(out)).toHaveLength(2);
    expect(err).toBe('');
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('decodes what a live pipe brought while it stays open, and ends at Ctrl-C', async () => {
    const { out, err } = await shell('exec $V decode -', audit, (interrupt, seen) => {
      if (seen.endsWith('\n')) setTimeout(interrupt, 100);
    });
    expect(eventsIn(out).length).toBeGreaterThan(900);
    expect(err).toBe('');
    expect(readdirSync(temporary)).toEqual([]);
  });
});
