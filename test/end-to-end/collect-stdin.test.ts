// A collector that reads its standard input into a store beside it: what comes after the store was opened arrives as well.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const VESTIGE = 'dist/vestige.js';
const directory = mkdtempSync(join(tmpdir(), 'vestige-collect-stdin-'));
const store = `embedded:${join(directory, 'store')}`;
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const failure = (serial: number) =>
  `type=USER_LOGIN msg=audit(1795439500.${String(serial).padStart(3, '0')}:${serial}): pid=9 uid=0 auid=4294967295 ses=4294967295 msg='op=login acct="root" exe="/usr/sbin/sshd" hostname=? addr=203.0.113.9 terminal=ssh res=failed'\n`;
const stored = () => {
  const { stdout } = spawnSync(process.execPath, [VESTIGE, '--store', store, '--json', 'events'], { encoding: 'utf8' });
  return (JSON.parse(stdout) as unknown[]).length;
};

it('what is written to it early and late is stored', async () => {
  const to = ['--to', store, '--node', 'n', '--spool', join(directory, 'spool')];
  const child = spawn(process.execPath, [VESTIGE, 'collect', 'auditd', '--stdin', ...to], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  child.stdin?.write(failure(1));
  // the store is made while it waits for more
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  child.stdin?.end(failure(2));
  expect(await ended).toBe(0);
  expect(spawnSync(process.execPath, [VESTIGE, '--store', store, 'correlate', '--no-pack']).status).toBe(0);
  expect(stored()).toBe(2);
}, 60_000);
