// `vestige record`: the bytes, what is told of them, and who is noted to have seen them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../analytics/store/connect.ts';
import type { Store } from '../analytics/store/store.ts';
import { EXIT } from './context.ts';
import { run } from './test-support/run-command.ts';
import { auditdRaw, binaryRaw, fillSmallStore, k8sRaw, sha } from './test-support/small-store.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-cli-'));
const location = `embedded:${directory}`;
let store: Store;

const ask = (args: readonly string[], how: { tty?: boolean } = {}) => run(location, args, how);
const json = async (...args: string[]) => JSON.parse((await ask(['--json', ...args])).out);

// The store is held open, as by a running `vestige up`: every command below goes through its endpoint.
beforeAll(async () => {
  store = await connect(location, 'test');
  await fillSmallStore(store);
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('record', () => {
  it('gives exactly the bytes', async () => {
    expect((await ask(['record', sha(binaryRaw), '--raw'])).bytes).toEqual(binaryRaw);
    expect((await ask(['record', sha(k8sRaw).slice(0, 10), '--raw'])).out).toBe(k8sRaw);
  });

  it('gives its envelope, text and decoded row', async () => {
    const record = await json('record', sha(auditdRaw));
    expect(record).toMatchObject({
      digest: sha(auditdRaw),
      source: 'auditd',
      stream: '/var/log/audit.log',
      position: 42,
      raw: auditdRaw,
      bytes: auditdRaw.length,
      dead_letter: null,
    });
    expect(record.decoded.argv).toEqual(['cat /etc/shadow']);
    expect(record.decoded.digests).toEqual([sha(auditdRaw)]);
  });

  it('gives bytes that are no text as base64, and why they were not decoded', async () => {
    const record = await json('record', sha(binaryRaw));
    expect(record).toMatchObject({
      raw: null,
      event_time: null,
      decoded: null,
      dead_letter: { reason: 'unknown-format' },
    });
    expect(Buffer.from(record.raw_base64, 'base64')).toEqual(binaryRaw);
    const { out } = await ask(['record', sha(binaryRaw)], { tty: true });
    expect(out).toContain('\\x1b[2J');
    expect(out).not.toContain('\u001b');
  });

  it('refuses raw bytes on a terminal', async () => {
    expect(await ask(['record', sha(binaryRaw), '--raw'], { tty: true })).toMatchObject({
      code: EXIT.usage,
      out: '',
    });
  });

  it.each(['zz', 'f'.repeat(64), "' OR 1"])('has no record %j', async (digest) => {
    expect(await ask(['record', digest])).toMatchObject({ code: EXIT.notFound, out: '' });
  });

  it('notes in the custody log who was shown what', async () => {
    const noted = () =>
      store.rows('SELECT count() AS times, any(actor) AS actor FROM custody WHERE subject = {s:String}', {
        s: sha(k8sRaw),
      });
    const [before] = await noted();
    await ask(['record', sha(k8sRaw)]);
    await ask(['events']);
    expect(await noted()).toEqual([{ times: Number(before?.['times']) + 1, actor: expect.stringMatching(/.@./) }]);
  });
});
