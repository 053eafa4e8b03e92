// evidence and retention as a person and a program use them: what is printed, what is noted, how they end.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addRecords, markCorrelated, scalar } from '../../analytics/evidence/testing.ts';
import { connect } from '../../analytics/store/connect.ts';
import type { Store } from '../../analytics/store/store.ts';
import { EXIT } from '../context.ts';
import { run } from '../test-support/run-command.ts';
import { CONTAINER, ESCAPE, fillSmallStore } from '../test-support/small-store.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-cli-evidence-'));
const location = `embedded:${directory}`;
let store: Store;

const ask = (...args: string[]) => run(location, args);
const json = async (...args: string[]) => JSON.parse((await ask('--json', ...args)).out);
const actions = async () =>
  (await store.rows('SELECT action FROM custody ORDER BY at, action', {}, 'write')).map((row) => row['action']);

beforeAll(async () => {
  store = await connect(location, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('evidence seal and verify', () => {
  const digest = () => scalar(store, "lower(hex(SHA256('record a 2')))");

  it('verify ends with 3 where nothing is sealed', async () => {
    expect(await ask('evidence', 'verify')).toMatchObject({ code: EXIT.notFound, out: '' });
  });

  it('seal tells its seals, and that nothing is new', async () => {
    await addRecords(store, { loader: 'a', from: 1, count: 3 });
    expect(await json('evidence', 'seal')).toMatchObject([{ segment: 1, leaves: 3, previous: '0'.repeat(64) }]);
    expect(await ask('--json', 'evidence', 'seal')).toMatchObject({
      out: '[]\n',
      err: 'nothing new to seal\n',
      code: EXIT.done,
    });
    expect(await actions()).toEqual(['seal']);
  });

  it('verify says where the key came from unless one was named', async () => {
    const plain = await ask('evidence', 'verify');
    expect(plain.code).toBe(EXIT.done);
    expect(plain.out).toMatch(/^verified: 1 seals over 3 records; 0 records not sealed yet/);
    expect(plain.err).toContain('the key was taken from the store itself');
    const pinned = await ask('evidence', 'verify', '--public-key', join(directory, 'keys/seal.pub.pem'));
    expect(pinned).toMatchObject({ code: EXIT.done, err: '' });
  });

  it('refuse a key that is none, and a limit that is none', async () => {
    const file = join(directory, 'no-key.pem');
    writeFileSync(file, 'hello');
    for (const args of [
      ['verify', '--public-key', file],
      ['verify', '--public-key', `${file}.missing`],
      ['seal', '--key', file],
    ]) {
      const { code, err } = await ask('evidence', ...args);
      expect([code, err]).toEqual([EXIT.failed, expect.stringContaining('no-key.pem')]);
    }
    expect((await ask('evidence', 'seal', '--segment-limit', '0')).code).toBe(EXIT.usage);
  });

  it('verify ends with 4 and names the record of which a byte was changed', async () => {
    await store.run(
      "ALTER TABLE records UPDATE raw = 'record a 3' WHERE raw = 'record a 2' SETTINGS mutations_sync = 2",
    );
    const { code, err, out } = await ask('evidence', 'verify');
    expect(code).toBe(EXIT.verification);
    expect(err).toContain(`segment 1 leaf 1: record ${await digest()}`);
    expect(out).toMatch(/^NOT VERIFIED/);
    const told = await json('evidence', 'verify');
    expect(told).toMatchObject({
      verified: false,
      counts: { bytes: 1 },
      differences: [{ digest: await digest(), leaf: 1 }],
    });
  });
});

describe('evidence hold, release and dossier', () => {
  beforeAll(async () => {
    await store.run('TRUNCATE TABLE custody');
    await fillSmallStore(store);
  });

  it('hold finds its subject by the beginning of its id, or says why not', async () => {
    expect(await json('evidence', 'hold', 'c0ffee', '--reason', `case ${ESCAPE}`)).toMatchObject({
      kind: 'container',
      subject: CONTAINER,
      records: 2,
    });
    expect(await ask('evidence', 'hold', '--container', 'c0ff')).toMatchObject({
      code: EXIT.usage,
      err: expect.stringContaining(CONTAINER),
    });
    expect((await ask('evidence', 'hold', '--chain', 'c0ffee')).code).toBe(EXIT.notFound);
    expect((await ask('evidence', 'hold')).code).toBe(EXIT.usage);
    expect((await ask('evidence', 'hold', 'x', '--chain', 'y')).code).toBe(EXIT.usage);
  });

  it('holds lists them without steering the terminal, release ends one', async () => {
    const [hold] = await json('evidence', 'holds');
    const { out } = await run(location, ['evidence', 'holds'], { tty: true });
    expect(out).toContain(hold.id);
    expect(out).not.toContain('\u001b');
    expect((await ask('evidence', 'release', hold.id)).code).toBe(EXIT.done);
    expect(await ask('evidence', 'release', hold.id)).toMatchObject({ code: EXIT.notFound });
    expect(await json('evidence', 'holds')).toEqual([]);
    expect(await actions()).toEqual(['hold', 'release']);
  });

  it('a dossier is Markdown or JSON, is noted, and holds its records unless told not to', async () => {
    const { out, code } = await ask('evidence', 'dossier', 'c0ffee', '--no-hold');
    expect(code).toBe(EXIT.done);
    expect(out).toMatch(new RegExp(`^# Container \`${CONTAINER}\``));
    expect(out).toContain('`cat /etc/shadow`');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not reach a terminal
    expect(out).not.toMatch(/[\u001b\u202e]/);
    expect(await json('evidence', 'holds')).toEqual([]);
    const document = await json('evidence', 'dossier', 'c0ffee');
    expect(document).toMatchObject({ container: { container_id: CONTAINER }, sessions: [{ principal: 'alice' }] });
    expect(JSON.parse((await ask('evidence', 'dossier', 'c0ffee', '--format', 'json')).out).container).toEqual(
      document.container,
    );
    expect(await json('evidence', 'holds')).toMatchObject([{ kind: 'dossier', subject: CONTAINER, records: 2 }]);
    expect((await actions()).filter((a) => a === 'dossier')).toHaveLength(3);
  });

  it('a dossier of nobody, or of several, is not made', async () => {
    expect((await ask('evidence', 'dossier', 'c0ff')).code).toBe(EXIT.usage);
    expect((await ask('evidence', 'dossier', 'ffff')).code).toBe(EXIT.notFound);
    expect((await ask('--json', 'evidence', 'dossier', 'c0ffee', '--format', 'markdown')).code).toBe(EXIT.usage);
  });
});

describe('retention', () => {
  it('takes nothing without a policy and refuses one that is none', async () => {
    expect(await ask('retention', 'apply')).toMatchObject({
      code: EXIT.usage,
      err: expect.stringContaining('retention set'),
    });
    for (const days of ['0', '-1', '1.5', 'all'])
      expect((await ask('retention', 'set', '--days', days)).code).toBe(EXIT.usage);
    expect(await json('retention', 'show')).toMatchObject({
      days: null,
      partitions: [{ partition: '0', fate: 'young' }, { partition: '202611' }],
    });
  });

  it('tells what would go, and what has to be sealed first', async () => {
    await ask('retention', 'set', '--days', '1');
    expect(await json('retention', 'show')).toMatchObject({ days: 1 });
    await addRecords(store, { loader: 'b', from: 1, count: 2, eventTime: '2020-01-01T00:00:00Z' });
    expect((await ask('retention', 'apply', '--dry-run')).err).toContain('vestige correlate');
    await markCorrelated(store, '2026-11-24T11:00:00Z');
    const waiting = await ask('retention', 'apply', '--dry-run', '--json');
    expect(waiting.err).toContain('evidence seal');
    expect(JSON.parse(waiting.out).find((p: { partition: string }) => p.partition === '202001').fate).toBe('unsealed');
    await ask('evidence', 'seal');
    const fates = await json('retention', 'apply', '--dry-run');
    expect(fates.find((p: { partition: string }) => p.partition === '202001').fate).toBe('would-expire');
    expect((await json('retention', 'apply')).find((p: { partition: string }) => p.partition === '202001').fate).toBe(
      'expired',
    );
    expect(await scalar(store, "(SELECT count() FROM records WHERE loader = 'b')")).toBe(0);
    expect((await json('evidence', 'verify')).expired).toBe(2);
    expect(await actions()).toContain('retention-apply');
  });
});
