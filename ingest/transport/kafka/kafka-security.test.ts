// Who is let in: passwords, certificates and permissions, against a broker that asks for them.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryLoader } from '../../../test/support/kafka/loaders.ts';
import { entriesOf, missingOf } from '../../../test/support/kafka/records.ts';
import { type Broker, isAvailable, startBroker } from '../../../test/support/kafka.ts';
import { parseKafkaAddress } from './kafka-address.ts';
import { createKafkaSink } from './kafka-sink.ts';
import { runKafkaLoader } from './kafka-source.ts';

describe.skipIf(!isAvailable() && !process.env['CI'])('a broker that asks who is there', () => {
  let broker: Broker;
  let tls: string;

  beforeAll(async () => {
    broker = await startBroker({
      users: { alice: 'sec:ret/@', mallory: 'known' },
      tls: 'client',
      settings: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS;User:alice;User:CN=client',
      },
    });
    const { ca, clientCert, clientKey } = broker.certificates ?? { ca: '', clientCert: '', clientKey: '' };
    tls = `ca=${ca}&cert=${clientCert}&key=${clientKey}`;
  });
  afterAll(async () => broker?.remove());

  const send = async (address: string, password?: string): Promise<void> => {
    const sink = createKafkaSink({ address: parseKafkaAddress(address, password), sendMsMax: 10_000 });
    try {
      await sink.send(entriesOf(5));
    } finally {
      await sink.close();
    }
  };
  const alice = 'alice:sec%3Aret%2F%40';

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'])('takes records by %s', async (sasl) => {
    await send(`kafka://${alice}@${broker.sasl}/${sasl}.?sasl=${sasl}`);
  });

  it('takes the password beside the address', async () => {
    await send(`kafka://alice@${broker.sasl}/beside.`, 'sec:ret/@');
  });

  it('takes records over TLS, and gives them to a loader that shows its certificate', async () => {
    const address = `kafka://${broker.ssl}/tls.?${tls}`;
    await send(address);
    const stop = new AbortController();
    const loader = createMemoryLoader();
    const ended = runKafkaLoader({
      ...{ address: parseKafkaAddress(address), topics: [{ topic: 'tls.k8s-audit' }], groupId: 'tls', loader },
      ...{ now: () => new Date(), stop: stop.signal, say: () => undefined, onPoison: async () => undefined },
    });
    await expect.poll(() => loader.loaded.length, { timeout: 15_000 }).toBe(5);
    stop.abort();
    await ended;
    const raws = loader.loaded.map(({ raw }) => raw);
    expect(missingOf(entriesOf(5), raws)).toEqual([]);
  });

  it.each([
    ['a wrong password', () => `kafka://alice:wrong@${broker.sasl}/x.?sasl=plain`],
    ['a wrong password (SCRAM)', () => `kafka://alice:wrong@${broker.sasl}/x.`],
    ['a user who may not write', () => `kafka://mallory:known@${broker.sasl}/x.`],
    ['no certificate', () => `kafka://${broker.ssl}/x.?ca=${broker.certificates?.ca}`],
    ['a server whose certificate nobody we trust has signed', () => `kafka://${broker.ssl}/x.?tls=true`],
    ['a name that is nobody', () => 'kafka://nobody.invalid:9092/x.'],
    ['a file that is not there', () => `kafka://${broker.ssl}/x.?ca=/nowhere/ca.pem`],
  ])('is refused: %s', async (_, address) => {
    await expect(send(address())).rejects.toMatchObject({ code: 'refused', retriable: true });
  });

  it('is let in once an operator has mended what was wrong, without a new sink', async () => {
    const { ca = '', clientCert = '', clientKey = '' } = broker.certificates ?? {};
    const changing = join(ca, '..', 'changing.pem');
    writeFileSync(changing, readFileSync(clientCert));
    const address = parseKafkaAddress(
      `kafka://${broker.ssl}/mended.?ca=${changing}&cert=${clientCert}&key=${clientKey}`,
    );
    const sink = createKafkaSink({ address, sendMsMax: 10_000 });
    await expect(sink.send(entriesOf(5))).rejects.toMatchObject({ code: 'refused' });
    writeFileSync(changing, readFileSync(ca));
    await sink.send(entriesOf(5));
    await sink.close();
  });
});
