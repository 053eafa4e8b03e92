// Every auditd event of the recordings, read a second time by a slow decoder written for this test alone: how many events there
// are, and their arguments, paths, addresses and names, must be what the engine made of the lines.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decompress } from 'fzstd';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../analytics/store/connect.ts';
import type { Row, Store } from '../analytics/store/store.ts';
import { importPaths } from './import.ts';

const RECORDINGS = 'test/fixtures/recordings';
const directory = mkdtempSync(join(tmpdir(), 'vestige-differential-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

/** key=value pairs of one line, one character after the other. */
function pairsOf(text: string): Map<string, string> {
  const pairs = new Map<string, string>();
  for (let at = 0; at < text.length; ) {
    const equals = text.indexOf('=', at);
    if (equals < 0) break;
    const name = text.slice(text.lastIndexOf(' ', equals) + 1, equals);
    const quoted = text[equals + 1] === '"';
    const ends = quoted ? text.indexOf('"', equals + 2) + 1 : text.indexOf(' ', equals);
    const end = ends <= 0 ? text.length : ends;
    if (!pairs.has(name)) pairs.set(name, text.slice(equals + 1, end));
    at = end + 1;
  }
  return pairs;
}

function plain(value = ''): string {
  if (value.startsWith('"')) return value.slice(1, -1);
  if (value === '(null)') return '';
  return /^([0-9A-F]{2})+$/.test(value) ? Buffer.from(value, 'hex').toString('latin1') : value;
}

function addressOf(saddr: string): { addr: string; port: number } {
  const bytes = Buffer.from(saddr, 'hex');
  const family = bytes.length < 2 ? 0 : bytes.readUInt16LE(0);
  if (family === 2) return { addr: [...bytes.subarray(4, 8)].join('.'), port: bytes.readUInt16BE(2) };
  if (family === 10) {
    const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(8 + 2 * i).toString(16));
    const mapped = groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff';
    const addr = mapped
      ? [...bytes.subarray(20, 24)].join('.')
      : new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
    return { addr, port: bytes.readUInt16BE(2) };
  }
  if (family !== 1) return { addr: '', port: 0 };
  const path = bytes.subarray(2).toString('latin1');
  return { addr: path.startsWith('\0') ? `@${path.slice(1).split('\0')[0]}` : (path.split('\0')[0] ?? ''), port: 0 };
}

function slowly(lines: readonly string[]): Row {
  const of = (type: string) =>
    lines.filter((line) => line.startsWith(`type=${type} `)).map((line) => line.slice(line.indexOf('): ') + 3));
  const call = pairsOf(of('SYSCALL')[0] ?? '');
  const [execve] = of('EXECVE').map(pairsOf);
  const paths = of('PATH').map(pairsOf);
  const [title = ''] = of('PROCTITLE').map((line) => line.slice('proctitle='.length));
  return {
    argv: Array.from({ length: Number(execve?.get('argc') ?? 0) }, (_, n) => plain(execve?.get(`a${n}`))),
    path_names: paths.map((path) => plain(path.get('name'))),
    path_devs: paths.map((path) => path.get('dev') ?? ''),
    path_inodes: paths.map((path) => Number(path.get('inode') ?? 0)),
    path_types: paths.map((path) => path.get('nametype')),
    ...addressOf(pairsOf(of('SOCKADDR')[0] ?? '').get('saddr') ?? ''),
    cwd: plain(pairsOf(of('CWD')[0] ?? '').get('cwd')),
    proctitle: title === '' ? [] : plain(title).split('\0'),
    syscall: Number(call.get('syscall') ?? -1),
    exit: Number(call.get('exit') ?? 0),
    args: call.size === 0 ? [] : ['a0', 'a1', 'a2', 'a3'].map((name) => call.get(name)),
    ...(call.size === 0
      ? {}
      : {
          pid: Number(call.get('pid')),
          ppid: Number(call.get('ppid')),
          comm: plain(call.get('comm')),
          exe: plain(call.get('exe')),
        }),
  };
}

/** Lines by the seconds.millis:serial they carry. */
function eventsOf(recording: string): Map<string, string[]> {
  const text = Buffer.from(decompress(readFileSync(`${RECORDINGS}/${recording}/audit.log.zst`))).toString('latin1');
  const events = new Map<string, string[]>();
  for (const line of text.split('\n').slice(0, -1)) {
    const id = line.slice(line.indexOf('audit(') + 6, line.indexOf('):'));
    // auditd's own names (node= before, interpreted values behind a group separator) are none of the kernel's
    const bare = line.replace(/^node=\S+ /, '').replace('\u001d', ' ');
    events.set(id, [...(events.get(id) ?? []), bare]);
  }
  return events;
}

describe.each(['web-to-cluster', 'poisoned-image', 'quiet-day'])('the events of %s', (recording) => {
  it('are as many as there are ids, none of them dead, and say what their lines say', async () => {
    const deps = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
    const path = `${RECORDINGS}/${recording}/audit.log.zst`;
    const { dead_letters } = await importPaths([path], { cluster: recording, node: 'n' }, deps);
    expect(dead_letters).toBe(0);
    const expected = eventsOf(recording);
    const rows = await store.rows(
      `SELECT concat(toString(intDiv(toUnixTimestamp64Milli(time), 1000)), '.', leftPad(toString(toUnixTimestamp64Milli(time) % 1000), 3, '0'), ':', toString(serial)) AS id, *
       FROM auditd FINAL WHERE cluster = {recording:String}`,
      { recording },
    );
    expect(rows).toHaveLength(expected.size);
    const different: unknown[] = [];
    for (const { id, ...row } of rows) {
      const slow = slowly(expected.get(String(id)) ?? []);
      for (const [name, value] of Object.entries(slow))
        if (JSON.stringify(row[name]) !== JSON.stringify(value))
          different.push({ id, name, row: row[name], slow: value });
    }
    expect(different.slice(0, 5)).toEqual([]);
  });
});
