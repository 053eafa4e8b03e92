// kill -9 of the receiver, its store in it, at any moment while collectors deliver: what was answered is there, and what is sent again is
// there once.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { connect } from '../../../analytics/store/connect.ts';
import { batches, recordedEvents } from '../../collect/k8s-audit/test-support/event-lists.ts';
import type { RecordEntry } from '../../spool/entry.ts';
import { createHttpsSink } from './https-sink.ts';
import { createAuthority } from './test-support/certificates.ts';
import { recordOf } from './test-support/records.ts';
import { type Program, startProgram } from './test-support/start-program.ts';
import { generateToken } from './tokens.ts';

// below the checkout, where a bundle finds the engine's package
mkdirSync('dist', { recursive: true });
const directory = mkdtempSync(join('dist', 'receiver-kill-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const PROGRAM = new URL('./test-support/receiver-process.ts', import.meta.url);
const KILLS = Number(process.env['VESTIGE_KILLS'] ?? 5);
const SINKS = 3;
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('the receiver killed again and again', () => {
  it('has all that it answered, and all there is once after all was sent again', async () => {
    const authority = createAuthority(directory);
    const token = generateToken();
    const tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, token);
    const tls = authority.issue('receiver', ['IP:127.0.0.1']);
    const options = { directory: join(directory, 'store'), host: '127.0.0.1', tls, tokenFiles: [tokenFile] };

    const records = recordedEvents('web-to-cluster').map((event, position) => recordOf(event, { position }));
    const expected = new Set(records.map(({ raw }) => digest(raw)));
    const todo = batchesOf(records);
    const answered: RecordEntry[] = [];
    let cutOff = 0;

    let port = 0;
    const openReceiver = async (): Promise<Program> => {
      const program = await startProgram(PROGRAM, { ...options, port }, directory);
      port = (await program.line())['port'] as number;
      return program;
    };
    const deliver = async () => {
      const sink = createHttpsSink(`https://127.0.0.1:${port}?ca=${authority.ca}`, {
        ...{ token: () => token, say: () => undefined },
      });
      for (let batch = todo.pop(); batch; batch = todo.pop()) {
        try {
          await sink.send(batch);
          answered.push(...batch);
        } catch (error) {
          expect(error).toMatchObject({ code: 'unavailable' });
          todo.push(batch);
          cutOff++;
          break;
        }
      }
      await sink.close();
    };
    const deliverAll = () => Promise.all(Array.from({ length: SINKS }, deliver));

    const moments: number[] = [];
    for (let i = 0; i < KILLS; i++) {
      const program = await openReceiver();
      const delivering = deliverAll();
      const ms = Math.round(100 + Math.random() * 1500);
      moments.push(ms);
      await sleep(ms);
      program.process.kill('SIGKILL');
      await program.ended;
      await delivering;
    }
    expect(todo.length, 'there was something left to send at every kill').toBeGreaterThan(0);
    expect(cutOff, 'deliveries were cut off').toBeGreaterThan(KILLS / 2);
    const before = await digestsIn(options.directory);
    const missing = answered.filter(({ raw }) => !before.has(digest(raw)));
    expect(missing.length, `killed after ${moments.join(', ')} ms`).toBe(0);

    // what was answered is sent again, too: an answer may have been lost on its way
    todo.splice(0, todo.length, ...batchesOf([...todo.flat(), ...answered], 500));
    const last = await openReceiver();
    while (todo.length > 0) await deliverAll();
    last.process.kill('SIGTERM');
    expect(await last.ended).toMatchObject({ code: 0 });
    const after = await digestsIn(options.directory);
    expect(new Set(after.keys())).toEqual(expected);
    expect(
      [...after.values()].every((times) => times === 1),
      'each once',
    ).toBe(true);
  });
});

const batchesOf = (records: readonly RecordEntry[], most = 80): RecordEntry[][] => {
  const byRaw = new Map(records.map((record) => [record.raw, record]));
  const size = () => Math.ceil(most * (0.25 + 0.75 * Math.random()));
  return batches([...byRaw.keys()], size).map((batch) => batch.map((raw) => byRaw.get(raw) as RecordEntry));
};

/** How often each record is there. */
async function digestsIn(store: string): Promise<Map<string, number>> {
  const connected = await connect(`embedded:${store}`, 'test');
  try {
    const rows = await connected.rows(
      'SELECT lower(hex(digest)) AS d, count() AS n FROM records FINAL GROUP BY digest',
    );
    return new Map(rows.map((row) => [String(row['d']), Number(row['n'])]));
  } finally {
    await connected.close();
  }
}
