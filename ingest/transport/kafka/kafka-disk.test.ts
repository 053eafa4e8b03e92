// A broker whose disk is full: it ends, or refuses. What was acknowledged is there, and the rest goes once there is room.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drain, entriesOf, missingOf, readTopics } from '../../../test/support/kafka/records.ts';
import { type Broker, isAvailable, startBroker } from '../../../test/support/kafka.ts';
import type { RecordEntry } from '../../spool/entry.ts';
import { parseKafkaAddress } from './kafka-address.ts';
import { createKafkaSink } from './kafka-sink.ts';

const canMount = process.getuid?.() === 0;

describe.skipIf((!isAvailable() || !canMount) && !process.env['CI'])('a broker whose disk is full', () => {
  const disk = mkdtempSync(join(tmpdir(), 'vestige-disk-'));
  const mount = (...options: string[]) => execFileSync('mount', [...options, 'tmpfs', disk]);
  let broker: Broker;
  beforeAll(async () => {
    mount('-t', 'tmpfs', '-o', 'size=24m');
    broker = await startBroker({
      logDirectory: disk,
      settings: { 'log.segment.bytes': 2 * 1024 * 1024, 'log.index.size.max.bytes': 65_536 },
    });
  });
  afterAll(async () => {
    await broker?.remove();
    execFileSync('umount', [disk]);
    rmSync(disk, { recursive: true, force: true });
  });

  it('says so, and loses nothing once there is room', async () => {
    const address = parseKafkaAddress(`kafka://${broker.brokers}/?compression=none`);
    const sink = createKafkaSink({ address, sendMsMax: 5_000, topics: { partitions: 1, retentionMs: 3_600_000 } });
    const acknowledged: RecordEntry[] = [];
    let failure: unknown;
    for (let n = 0; failure === undefined && n < 100_000; n += 1000) {
      const batch = entriesOf(1000, n);
      try {
        await sink.send(batch);
        acknowledged.push(...batch);
      } catch (error) {
        failure = error;
      }
    }
    expect(failure).toMatchObject({ code: 'unavailable' });
    expect(acknowledged.length, 'some tens of megabytes').toBeGreaterThan(3_000);
    await broker.kill();
    mount('-o', 'remount,size=256m');
    await broker.restart();
    const rest = entriesOf(2000, acknowledged.length);
    await drain(sink, [rest]);
    await sink.close();
    const found = await readTopics(broker.brokers, ['vestige.k8s-audit']);
    expect(
      missingOf(
        [...acknowledged, ...rest],
        found.map(({ message }) => message.value),
      ),
    ).toEqual([]);
  });
});
