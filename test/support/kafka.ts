// A real Kafka broker, or three, on loopback: KRaft in combined mode, in a directory of its own. Suites that need one skip where it cannot
// run (`isAvailable`), and fail instead with CI=true.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Certificates, makeCertificates } from './kafka/certificates.ts';
import { jarsOfKafka, whyNoBroker } from './kafka/jars.ts';

export interface BrokerOptions {
  /** Adds a SASL_PLAINTEXT listener for these users (name: password), by PLAIN and by SCRAM. */
  users?: Readonly<Record<string, string>>;
  /** Adds an SSL listener. `client`: and asks for the certificate of the client. */
  tls?: 'server' | 'client';
  /** Where records are written, for a small disk. */
  logDirectory?: string;
  /** Further lines of server.properties. */
  settings?: Readonly<Record<string, string | number>>;
}

export interface Broker {
  /** host:port of the listeners without password and TLS. */
  brokers: string[];
  /** host:port of the SASL_PLAINTEXT and SSL listeners, when there are. */
  sasl: string;
  ssl: string;
  /** Set with `tls`. */
  certificates: Certificates | undefined;
  /** Asks it to end, and waits. */
  stop(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT: it answers nobody, and all connections stay. */
  freeze(): void;
  thaw(): void;
  /** Starts it again with the data and the ports it had; waits until it answers. */
  restart(): Promise<void>;
  isRunning(): boolean;
  /** What it said, the latest last. */
  said(): string;
  /** Kills it and removes its directory. */
  remove(): Promise<void>;
}

// A broker answers after 3 s here; beside other tests on two cores it has taken 12 s.
const START_MS_MAX = 90_000;
const STOP_MS_MAX = 30_000;
const CLUSTER_ID = 'dmVzdGlnZS10ZXN0LTAwMQ';
// Tests want a quick start and little memory, not speed: only the first compiler, only one thread for garbage.
const JAVA_FLAGS = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

/** Whether a broker can run here; says why not, once. */
export function isAvailable(): boolean {
  const reason = whyNoBroker();
  if (reason !== undefined) console.warn(`Kafka is not tested here: ${reason}`);
  return reason === undefined;
}

export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  return (await startCluster(1, options))[0] as Broker;
}

/** Brokers that know one another; each is also a controller. */
export async function startCluster(n: number, options: BrokerOptions = {}): Promise<Broker[]> {
  const jars = await jarsOfKafka();
  const ports = await freePorts(4 * n);
  const places = Array.from({ length: n }, (_, i) => placeOf(i + 1, ports.slice(4 * i, 4 * i + 4)));
  const voters = places.map(({ id, controller }) => `${id}@${controller}`).join(',');
  const made = places.map((place) => createBroker(jars, place, voters, options));
  await Promise.all(made.map((broker) => broker.restart()));
  return made;
}

interface Place {
  id: number;
  directory: string;
  plain: string;
  sasl: string;
  ssl: string;
  controller: string;
}

function placeOf(id: number, ports: readonly number[]): Place {
  const [plain, sasl, ssl, controller] = ports.map((port) => `127.0.0.1:${port}`) as [string, string, string, string];
  return { id, directory: mkdtempSync(join(tmpdir(), 'vestige-kafka-')), plain, sasl, ssl, controller };
}

/** Ports that nobody uses now; they are asked for together, so that none is given twice. */
async function freePorts(n: number): Promise<number[]> {
  const servers = Array.from({ length: n }, () => createServer());
  await Promise.all(servers.map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

function settingsOf(place: Place, voters: string, options: BrokerOptions, certificates?: Certificates): string {
  const listeners = [`PLAINTEXT://${place.plain}`];
  if (options.users) listeners.push(`SASL_PLAINTEXT://${place.sasl}`);
  if (options.tls) listeners.push(`SSL://${place.ssl}`);
  const replicas = Math.min(3, voters.split(',').length);
  const settings: Record<string, string | number> = {
    'process.roles': 'broker,controller',
    'node.id': place.id,
    'controller.quorum.voters': voters,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL',
    listeners: [...listeners, `CONTROLLER://${place.controller}`].join(','),
    'advertised.listeners': listeners.join(','),
    'log.dirs': join(options.logDirectory ?? place.directory, `log-${place.id}`),
    'metadata.log.dir': join(place.directory, 'metadata'),
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': 1,
    // the first member of a group need not wait for others
    'group.initial.rebalance.delay.ms': 0,
    'auto.create.topics.enable': 'false',
    // a broker that was killed may come back, and its partitions find another leader, after 2 s instead of 9
    'broker.heartbeat.interval.ms': 400,
    'broker.session.timeout.ms': 2_000,
    ...(options.users ? saslSettings(options.users) : {}),
    ...(certificates
      ? {
          'ssl.keystore.type': 'PEM',
          'ssl.keystore.location': certificates.serverStore,
          'ssl.truststore.type': 'PEM',
          'ssl.truststore.location': certificates.ca,
          'ssl.client.auth': options.tls === 'client' ? 'required' : 'none',
        }
      : {}),
    ...options.settings,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

function saslSettings(users: Readonly<Record<string, string>>): Record<string, string> {
  const known = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`);
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  return {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.sasl_plaintext.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${known.join(' ')};`,
    'listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config': scram,
    'listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config': scram,
  };
}

function createBroker(jars: string, place: Place, voters: string, options: BrokerOptions): Broker {
  const at = (name: string) => join(place.directory, name);
  mkdirSync(at('certificates'));
  const certificates = options.tls ? makeCertificates(at('certificates')) : undefined;
  writeFileSync(at('server.properties'), settingsOf(place, voters, options, certificates));
  const java = (flags: readonly string[], ...args: string[]) => {
    const log = openSync(at('said.log'), 'a');
    const child = spawn('java', [...JAVA_FLAGS, ...flags, '-cp', join(jars, '*'), ...args], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    return child;
  };
  const said = () => (existsSync(at('said.log')) ? readFileSync(at('said.log'), 'utf8').slice(-20_000) : '');
  let child: ChildProcess | undefined;
  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null;
  const killNow = () => child?.kill('SIGKILL');

  const format = async () => {
    const scram = Object.entries(options.users ?? {}).flatMap(([name, password]) =>
      ['256', '512'].flatMap((n) => ['--add-scram', `SCRAM-SHA-${n}=[name=${name},password=${password}]`]),
    );
    const tool = java(
      [],
      'kafka.tools.StorageTool',
      'format',
      '-t',
      CLUSTER_ID,
      '-c',
      at('server.properties'),
      ...scram,
    );
    if ((await ended(tool)) !== 0) throw new Error(`the storage of Kafka cannot be formatted: ${said()}`);
  };
  const restart = async () => {
    if (!existsSync(at('metadata'))) await format();
    const before = existsSync(at('said.log')) ? readFileSync(at('said.log')).length : 0;
    child = java(['-Dorg.apache.logging.log4j.level=INFO'], 'kafka.Kafka', at('server.properties'));
    process.once('exit', killNow);
    const deadline = Date.now() + START_MS_MAX;
    while (!readFileSync(at('said.log')).subarray(before).includes('Kafka Server started')) {
      if (!isRunning() || Date.now() > deadline) throw new Error(`Kafka does not start: ${said()}`);
      await sleep(50);
    }
  };
  const end = async (signal: NodeJS.Signals) => {
    if (!child || !isRunning()) return;
    const gone = ended(child);
    child.kill(signal);
    const patience = setTimeout(killNow, STOP_MS_MAX);
    await gone;
    clearTimeout(patience);
    process.off('exit', killNow);
  };
  return {
    brokers: [place.plain],
    sasl: place.sasl,
    ssl: place.ssl,
    certificates,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    freeze: () => child?.kill('SIGSTOP'),
    thaw: () => child?.kill('SIGCONT'),
    restart,
    isRunning,
    said,
    remove: async () => {
      await end('SIGKILL');
      rmSync(place.directory, { recursive: true, force: true });
    },
  };
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((done, failed) => {
    child.once('error', failed).once('close', done);
  });
