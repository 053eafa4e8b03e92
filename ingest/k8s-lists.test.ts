// The Kubernetes log of a recording in every layout it is shipped in: the typed rows are those of the plain log, nothing is lost, and
// the books balance.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../analytics/store/connect.ts';
import type { Store } from '../analytics/store/store.ts';
import { decodeLog } from './decode-logs.ts';
import { createZstdReader } from './frame/zstd.ts';
import { importPaths } from './import.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-lists-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${join(directory, 'store')}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  for (const table of ['records', 'receipts', 'k8s_audit', 'auditd', 'dead_letters'])
    await store.run(`TRUNCATE TABLE ${table}`);
});

function unpack(path: string): string {
  const parts: Buffer[] = [];
  const reader = createZstdReader((bytes) => parts.push(Buffer.from(bytes)));
  reader.push(readFileSync(resolve('test/fixtures/recordings', path)));
  reader.end();
  return Buffer.concat(parts).toString();
}
const lines = unpack('web-to-cluster/k8s-audit.log.zst').trim().split('\n').slice(0, 400);
const events = lines.map((line) => JSON.parse(line) as object);

let files = 0;
async function load(text: string | Buffer) {
  const home = join(directory, `in${++files}`);
  mkdirSync(home);
  writeFileSync(join(home, 'a.log'), text);
  const deps = { store, now: () => new Date(), stop: new AbortController().signal, onProgress: () => {} };
  return importPaths([home], { cluster: 'prod', node: 'n1' }, deps);
}
const rowsHash = async (): Promise<unknown> => {
  const columns = 'SELECT * EXCEPT (digest, loader, seq, version) FROM k8s_audit FINAL';
  const [row] = await store.rows(`SELECT count() AS n, groupBitXor(cityHash64(*)) AS hash FROM (${columns})`);
  return row;
};

const azure = (event: string | object) => ({
  time: '2026-11-23T13:10:38Z',
  category: 'kube-audit',
  properties: { log: event, pod: 'kube-apiserver-1' },
});
const cloudWatch = (line: string, i: number) => ({ id: String(i), timestamp: 1795439437536, message: line });
const json = (value: unknown, indent?: number) => JSON.stringify(value, undefined, indent);
const subscription = (from: number) =>
  json({
    messageType: 'DATA_MESSAGE',
    owner: '1',
    logGroup: '/aws/eks/c/cluster',
    logStream: 'kube-apiserver-audit-1',
    subscriptionFilters: ['f'],
    logEvents: lines.slice(from, from + 100).map(cloudWatch),
  });

/** Layout: the log, its lines and what is around its records. */
const layouts: Record<string, () => string> = {
  'an EventList in one line': () => `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[${lines.join(',')}]}`,
  'an EventList printed over many lines': () => `${json({ kind: 'EventList', metadata: {}, items: events }, 2)}\n`,
  'EventLists, one a line, as a webhook is sent them': () =>
    [0, 100, 200, 300].map((at) => `{"kind":"EventList","items":[${lines.slice(at, at + 100).join(',')}]}\n`).join(''),
  'an array, an item a line': () => `[\n${lines.join(',\n')}\n]\n`,
  'an array printed over many lines with CRLF': () => `${json(events, 4).replaceAll('\n', '\r\n')}\r\n`,
  'events printed over many lines': () => events.map((event) => `${json(event, 2)}\n`).join(''),
  'events without newlines': () => lines.join(''),
  'lines, lists and envelopes together': () =>
    `${lines.slice(0, 100).join('\n')}\n[${lines.slice(100, 200).join(',')}]\n${json({ records: lines.slice(200, 300).map(azure) })}\n\n${subscription(300)}\n`,
  'CloudWatch subscriptions, one a line': () => [0, 100, 200, 300].map((at) => `${subscription(at)}\n`).join(''),
  'CloudWatch subscriptions one behind the other, as Firehose writes them': () =>
    [0, 100, 200, 300].map(subscription).join(''),
  'aws logs get-log-events': () => `${json({ events: lines.map(cloudWatch), nextForwardToken: 'f/1' }, 4)}\n`,
  'events of CloudWatch, one a line': () => lines.map((line, i) => `${json(cloudWatch(line, i))}\n`).join(''),
  'a CloudWatch export': () => lines.map((line) => `2026-11-23T13:10:37.000Z ${line}\n`).join(''),
  'a blob of AKS': () => `${json({ records: lines.map(azure) })}\n`,
  'lines of an AKS blob, events as objects': () => events.map((event) => `${json(azure(event))}\r\n`).join(''),
};

describe('the log of a recording as', () => {
  let expected: unknown;
  beforeAll(async () => {
    await store.run('TRUNCATE TABLE k8s_audit');
    await load(lines.join('\n'));
    expected = await rowsHash();
    expect(expected).toMatchObject({ n: 400 });
  });

  it.each(Object.keys(layouts))('%s makes the rows of the plain log, and the books balance', async (name) => {
    const text = layouts[name]?.() ?? '';
    const summary = await load(text);
    expect(summary).toMatchObject({ records: 400, duplicates: 0, dead_letters: 0, balanced: true, problems: [] });
    expect(summary).toMatchObject({
      bytes: Buffer.byteLength(text),
      lines: text.replace(/\n$/, '').split('\n').length,
    });
    expect(await rowsHash()).toEqual(expected);
    // records are the bytes as they came, where they came
    const bytes = Buffer.from(text);
    const records = await store.rows(
      `SELECT position, length(raw) AS bytes, lower(hex(digest)) AS digest FROM receipts INNER JOIN records USING digest`,
    );
    expect(records).toHaveLength(400);
    for (const { position, bytes: length, digest } of records) {
      const slice = bytes.subarray(Number(position), Number(position) + Number(length));
      expect(createHash('sha256').update(slice).digest('hex')).toBe(digest);
    }
  });

  it('gzip of a list makes the rows of the plain log', async () => {
    expect(await load(gzipSync(layouts['an array, an item a line']?.() ?? ''))).toMatchObject({ records: 400 });
    expect(await rowsHash()).toEqual(expected);
  });

  it('a list in a pipe is decoded to as many events', async () => {
    const text = Buffer.from(layouts['aws logs get-log-events']?.() ?? '');
    const out: string[] = [];
    const problems: unknown[] = [];
    const from = (async function* () {
      for (let at = 0; at < text.length; at += 777) yield text.subarray(at, at + 777);
    })();
    const problem = await decodeLog(
      { name: '-', from },
      {},
      {
        store,
        temporary: directory,
        now: () => new Date(),
        stop: new AbortController().signal,
        write: (bytes) => void out.push(Buffer.from(bytes).toString()),
        onUndecoded: (undecoded) => problems.push(undecoded),
      },
    );
    expect(problem).toBeUndefined();
    expect(problems).toEqual([]);
    const ids = out
      .join('')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { audit_id: string }).audit_id);
    expect(ids).toEqual(events.map((event) => (event as { auditID: string }).auditID));
  });
});

describe('a list', () => {
  it('that is cut short keeps what was whole, and the rest is told', async () => {
    const summary = await load(`[\n${lines.slice(0, 3).join(',\n')}`.slice(0, -50));
    expect(summary).toMatchObject({ records: 3, dead_letters: 1, balanced: true });
    expect(await store.rows('SELECT reason FROM dead_letters')).toEqual([{ reason: 'invalid-json' }]);
  });

  it('in a damaged file keeps what could be read', async () => {
    for (const text of [`[\n${lines.join(',\n')}\n]\n`, lines.join('\n')]) {
      await store.run('TRUNCATE TABLE records');
      const packed = gzipSync(text);
      const { records, problems, balanced } = await load(packed.subarray(0, packed.length - 20_000));
      expect({ problems, balanced }).toMatchObject({ problems: [{ kind: 'damaged' }], balanced: true });
      expect(records).toBeGreaterThan(0);
    }
  });

  it('with hostile items costs nothing but these', { timeout: 60_000 }, async () => {
    const deep = `{"auditID":"deep","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const long = `{"auditID":"long","x":"${'x'.repeat(17 * 1024 * 1024)}"}`;
    const surrogate = `{"auditID":"half","stage":"s","requestObject":{"a":"\\ud800"},"requestReceivedTimestamp":"2026-11-23T13:10:37Z"}`;
    for (const [open, by, close] of [
      ['[\n', ',\n', '\n]'],
      ['{"items":[', ',', ']}'],
    ] as const) {
      for (const table of ['records', 'k8s_audit', 'dead_letters']) await store.run(`TRUNCATE TABLE ${table}`);
      const items = [lines[0], deep, long, surrogate, '[]', 'null', lines[1]];
      const summary = await load(`${open}${items.join(by)}${close}\n`);
      expect(summary).toMatchObject({ records: 8, dead_letters: 5, balanced: true, events: { k8s_audit: 3 } });
      const reasons = await store.rows('SELECT reason, count() AS n FROM dead_letters GROUP BY reason ORDER BY reason');
      expect(reasons).toEqual([
        { reason: 'invalid-json', n: 1 },
        { reason: 'oversized', n: 2 },
        { reason: 'unknown-format', n: 2 },
      ]);
    }
  });

  it('with text behind it and items that are none tells them', async () => {
    const summary = await load(`[${lines[0]},\n7,{"a":1}]\nthe end\n`);
    expect(summary).toMatchObject({ records: 4, dead_letters: 3, balanced: true });
  });

  it('with no items has no records', async () => {
    const empty = '{"kind":"EventList","items":[]}\n';
    expect(await load(`${lines[0]}\n${empty}`)).toMatchObject({ records: 1, ignored_lines: 1, balanced: true });
    expect(await load(empty)).toMatchObject({ records: 0, skipped: 1 });
  });

  it('of something else is left alone', async () => {
    expect(await load(json([{ a: 1 }, { b: 2 }], 2))).toMatchObject({ records: 0, skipped: 1 });
    expect(await load(json({ tests: [{ raw: events[0] }] }, 2))).toMatchObject({ records: 0, skipped: 1 });
  });

  it('of audit events in JSON is read as well', async () => {
    const laurel = {
      ID: '1795439398.624:1',
      NODE: 'n1',
      SYSCALL: { arch: '0xc000003e', syscall: 59, pid: 7, comm: 'sh' },
    };
    expect(await load(`[${json(laurel, 1)}]`)).toMatchObject({ records: 1, dead_letters: 0, events: { auditd: 1 } });
    expect(await store.rows('SELECT pid, comm FROM auditd FINAL')).toEqual([{ pid: 7, comm: 'sh' }]);
  });
});
