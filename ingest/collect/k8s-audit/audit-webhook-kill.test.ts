// kill -9 of the webhook at any moment while batches come: what was answered is on disk, and who sends again what was not loses nothing.
import { createHash } from 'node:crypto';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { startProgram } from '../../transport/https/test-support/start-program.ts';
import { batches, eventList, recordedEvents } from './test-support/event-lists.ts';
import { createSender } from './test-support/post.ts';
import { readSpool } from './test-support/spool-place.ts';
import { createGround } from './test-support/webhook-under-test.ts';

const ground = createGround();
const { directory, server, client, authority } = ground;
afterAll(() => ground.clear());

const PROGRAM = new URL('./test-support/webhook-process.ts', import.meta.url);
const KILLS = Number(process.env['VESTIGE_KILLS'] ?? 12);
const ANSWERED_LEAST = 100;
const SENDERS = 4;
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('the webhook killed again and again', () => {
  it('has all that it answered, and after all was sent again all there is', async () => {
    const spool = join(directory, 'killed');
    const events = recordedEvents('quiet-day').map((event, i) =>
      Buffer.concat([Buffer.from(`{"n":${i},`), event.subarray(1)]),
    );
    const todo = batches(events, () => 1 + Math.floor(Math.random() * 20));
    const answered = new Set<string>();
    let cutOff = 0;
    let port = 0;
    const open = async () => {
      const options = { spool, host: '127.0.0.1', port, tls: { ...server, clientCa: authority.ca } };
      const program = await startProgram(PROGRAM, options, directory);
      port = (await program.line())['port'] as number;
      return program;
    };
    /** Sends until all is sent or the other end is gone. */
    const sendAll = async (pauseMs: number) => {
      const sender = createSender({ port, ca: authority.ca, client, connections: SENDERS });
      const one = async () => {
        for (let batch = todo.pop(); batch; batch = todo.pop()) {
          try {
            const { status } = await sender.send(eventList(batch));
            expect(status).toBe(200);
            for (const event of batch) answered.add(digest(event));
          } catch (error) {
            todo.push(batch);
            cutOff++;
            if (!(error as NodeJS.ErrnoException).code?.startsWith('ECONN')) throw error;
            return;
          }
          await sleep(pauseMs);
        }
      };
      await Promise.all(Array.from({ length: SENDERS }, one));
      sender.close();
    };

    const moments: number[] = [];
    // on a busy machine it may be killed before it answers anybody
    for (let i = 0; i < KILLS || (answered.size <= ANSWERED_LEAST && i < KILLS * 10); i++) {
      const program = await open();
      const sending = sendAll(5);
      const ms = 20 + Math.random() * 150;
      moments.push(Math.round(ms));
      await sleep(ms);
      program.process.kill('SIGKILL');
      await program.ended;
      await sending;
      const stored = new Set((await peek(spool)).map(digest));
      const missing = [...answered].filter((one) => !stored.has(one));
      expect(missing.length, `killed after ${moments.join(', ')} ms`).toBe(0);
    }
    expect(todo.length, 'there was something left to send at every kill').toBeGreaterThan(0);
    expect(answered.size).toBeGreaterThan(ANSWERED_LEAST);
    expect(cutOff, 'batches were cut off').toBeGreaterThan(KILLS / 2);

    const last = await open();
    await sendAll(0);
    last.process.kill('SIGTERM');
    expect(await last.ended).toMatchObject({ code: 0 });
    const stored = (await peek(spool)).map(digest);
    expect(new Set(stored)).toEqual(new Set(events.map(digest)));
  });
});

/** What the spool holds; a copy is read, for reading takes out. */
async function peek(spool: string): Promise<Buffer[]> {
  const copy = `${spool}-copy`;
  cpSync(spool, copy, { recursive: true });
  const records = await readSpool(copy);
  rmSync(copy, { recursive: true });
  return records.map(({ raw }) => raw);
}
