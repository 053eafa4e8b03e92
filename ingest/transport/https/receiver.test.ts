// Collectors to a store by way of a receiver: what was answered is in the store, once.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { StoreError } from '../../../analytics/store/store.ts';
import { createSender } from '../../collect/k8s-audit/test-support/post.ts';
import type { RecordEntry } from '../../spool/entry.ts';
import type { Sink } from '../sink.ts';
import { FRAMES_TYPE, RECORDS_PATH } from './protocol.ts';
import { openReceiverGround, type ReceiverGround, someRecords } from './test-support/receiver-under-test.ts';
import { eventOf, framesOf, recordOf } from './test-support/records.ts';
import { followBearer, generateToken } from './tokens.ts';

let ground: ReceiverGround;
beforeAll(async () => {
  ground = await openReceiverGround();
});
afterEach(() => ground.closeUsed());
afterAll(() => ground.clear());

const ids = (records: readonly RecordEntry[]) => records.map(({ raw }) => raw.toString());

describe('what a sink sends', () => {
  it('is in the store when it is answered, with all of its envelope', async () => {
    const receiver = await ground.receive();
    const records = [
      recordOf(eventOf('whole'), { cluster: 'whole', attrs: { peer: '10.0.0.1', 'ü"': '\n' } }),
      recordOf('type=LOGIN msg=audit(1795439390.632:9): pid=7', { cluster: 'whole', source: 'auditd', node: 'w-1' }),
    ];
    await ground.sinkTo(receiver).send(records);
    const rows = await ground.stored('whole');
    expect(rows.map(({ raw }) => raw)).toEqual(ids(records));
    expect(rows[0]).toMatchObject({
      ...{ source: 'k8s-audit', node: '', collector: 'k8s-audit@cp-1', boot_id: 'boot-1', stream: 'webhook:cp-1:8443' },
      ...{ position: 7, lines: 1, at: 1_795_000_000_123_456, seq: 1, attrs: { peer: '10.0.0.1', 'ü"': '\n' } },
    });
    expect(rows[0]?.['loader']).toMatch(/^receiver-[0-9a-f-]{36}$/);
    expect(rows[1]).toMatchObject({ source: 'auditd', node: 'w-1', seq: 2 });
  });

  it('comes of many collectors at once and goes in few loads, each answered for its own', async () => {
    const receiver = await ground.receive();
    const sinks = [1, 2, 3, 4, 5].map(() => ground.sinkTo(receiver));
    const sent = await Promise.all(
      sinks.map(async (sink, i) => {
        const batches = [someRecords(20 + i, { cluster: 'many' }), someRecords(10, { cluster: 'many' })];
        for (const batch of batches) await sink.send(batch);
        return batches.flat();
      }),
    );
    expect((await ground.stored('many')).map(({ raw }) => raw).sort()).toEqual(ids(sent.flat()).sort());
    expect(ground.loads.length).toBeLessThan(6);
    const seqs = ground.loads.flat().map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, i) => i + 1));
  });

  it('again is a duplicate and nothing else', async () => {
    const receiver = await ground.receive();
    const sender = createSender({ port: receiver.port, ca: ground.authority.ca, token: ground.token });
    const body = framesOf(someRecords(30, { cluster: 'again' }));
    const headers = { 'content-type': FRAMES_TYPE };
    const answers = [await sender.send(body, headers, RECORDS_PATH), await sender.send(body, headers, RECORDS_PATH)];
    sender.close();
    expect(answers.map(({ text }) => JSON.parse(text))).toEqual([
      { received: 30, records: 30, duplicates: 0, dead_letters: 0 },
      { received: 30, records: 0, duplicates: 30, dead_letters: 0 },
    ]);
    expect((await ground.stored('again')).length).toBe(30);
  });

  it('waits for one load at a time, and no longer than for that', async () => {
    let loading = 0;
    const most: number[] = [];
    const loader = ground.loaderThat(async () => {
      most.push(++loading);
      await sleep(50);
      loading--;
    });
    const receiver = await ground.receive({ loader, batchBytesMax: 10_000 });
    const sinks = Array.from({ length: 6 }, () => ground.sinkTo(receiver));
    await Promise.all(sinks.map((sink) => sink.send(someRecords(20, { cluster: 'one' }))));
    expect(Math.max(...most)).toBe(1);
    expect(most.length, 'and no load is larger than it may be').toBeGreaterThanOrEqual(3);
    expect((await ground.stored('one')).length).toBe(120);
  });
});

describe('a store that is away', () => {
  it('is told as such; the sink comes again when it was told to, and all is there once', async () => {
    let away = true;
    const loader = ground.loaderThat(() => {
      if (away) throw new StoreError('unreachable' as never, 'connect ECONNREFUSED');
    });
    const receiver = await ground.receive({ loader, gatherMs: 20 });
    const sinks = [ground.sinkTo(receiver), ground.sinkTo(receiver)];
    const batches = sinks.map(() => someRecords(10, { cluster: 'away' }));
    const failures = await Promise.allSettled(sinks.map((sink, i) => sink.send(batches[i] as RecordEntry[])));
    for (const failure of failures)
      expect(failure).toMatchObject({ status: 'rejected', reason: { name: 'SinkError', code: 'unavailable' } });
    expect(ground.said.filter((text) => text.includes('ECONNREFUSED')).length, 'said once').toBe(1);
    away = false;
    const start = performance.now();
    await Promise.all(sinks.map((sink, i) => sink.send(batches[i] as RecordEntry[])));
    expect(performance.now() - start, 'Retry-After is kept').toBeGreaterThan(700);
    expect((await ground.stored('away')).map(({ raw }) => raw).sort()).toEqual(ids(batches.flat()).sort());
  });

  it('for one body only does not hold up the others', async () => {
    const loader = ground.loaderThat((batch) => {
      if (batch.some(({ stream }) => stream === 'too much')) throw new Error('memory limit exceeded');
    });
    const receiver = await ground.receive({ loader });
    const [bad, ...good] = [1, 2, 3].map(() => ground.sinkTo(receiver));
    const stuck = someRecords(5, { cluster: 'stuck', stream: 'too much' });
    const batches = good.map(() => someRecords(5, { cluster: 'stuck' }));
    const tries = async (sink: Sink, batch: RecordEntry[]): Promise<number> => {
      for (let i = 1; ; i++)
        if (
          await sink.send(batch).then(
            () => true,
            () => i === 5,
          )
        )
          return i;
    };
    const tried = await Promise.all([
      tries(bad as Sink, stuck),
      ...good.map((sink, i) => tries(sink, batches[i] as RecordEntry[])),
    ]);
    expect(tried[0]).toBe(5);
    expect(tried.slice(1).every((times) => times < 5)).toBe(true);
    expect((await ground.stored('stuck')).length).toBe(10);
  });
});

describe('a collector', () => {
  it('without the token is told so; with the next one it goes on, and nothing restarts', async () => {
    const own = join(ground.directory, 'own-token');
    writeFileSync(own, generateToken());
    const receiver = await ground.receive();
    const token = followBearer(own, { say: () => undefined, everyMs: 50 });
    ground.use({ close: token.stop });
    const sink = ground.sinkTo(receiver, { token: token.current });
    const batch = someRecords(1, { cluster: 'token' });
    await expect(sink.send(batch)).rejects.toMatchObject({ code: 'refused', message: /401/ });
    await expect(ground.sinkTo(receiver, { token: () => undefined }).send(batch)).rejects.toMatchObject({
      code: 'refused',
    });
    writeFileSync(own, ground.token);
    await expect.poll(() => sink.send(batch).then(() => 'taken', String)).toBe('taken');
  });

  it('may show a certificate instead, and one of its name', async () => {
    const { authority, server } = ground;
    const tls = { ...server, clientCa: authority.ca };
    const receiver = await ground.receive({ tls, tokenFiles: [], clientNames: ['worker-1'] });
    const [mine, other] = ['worker-1', 'worker-2'].map((name) => {
      const { cert, key } = authority.issue(name, [`DNS:${name}`]);
      return ground.sinkTo(receiver, { token: () => undefined, query: `&cert=${cert}&key=${key}` });
    }) as [Sink, Sink];
    await mine.send(someRecords(1, { cluster: 'named' }));
    await expect(other.send(someRecords(1))).rejects.toMatchObject({ code: 'refused', message: /403/ });
    expect((await ground.stored('named')).length).toBe(1);
  });
});
