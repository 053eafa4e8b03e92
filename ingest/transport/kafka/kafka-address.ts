// Where a Kafka is and how one is let in, as one line:
// kafka://[user[:password]@]host[:port][,host[:port]...][/topic-prefix][?tls=true&sasl=plain&ca=FILE&cert=FILE&key=FILE&client-id=NAME&compression=none]
import { readFileSync } from 'node:fs';
import { type KafkaConfig, logLevel } from 'kafkajs';
import { z } from 'zod';

type KafkaAddressErrorCode =
  /** The text is no address, or says things that do not go together. */
  | 'invalid-address'
  /** A certificate or key that it names cannot be read. */
  | 'unreadable-file';

export class KafkaAddressError extends Error {
  override readonly name = 'KafkaAddressError';
  readonly retriable = false;
  readonly code: KafkaAddressErrorCode;
  constructor(code: KafkaAddressErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const DEFAULT_TOPIC_PREFIX = 'vestige.';
const DEFAULT_PORT = 9092;
const SASL = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

const Broker = z
  .string()
  .regex(/^[^\s:[\]]+(:\d{1,5})?$/, 'brokers are host:port, comma between them; IPv6 addresses need a name')
  .transform((text) => (text.includes(':') ? text : `${text}:${DEFAULT_PORT}`))
  .refine((text) => Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535, 'a port is at most 65535');

const KafkaAddress = z
  .strictObject({
    brokers: z.array(Broker).min(1),
    // a topic has at most 249 characters, and the longest source has nine
    prefix: z.string().regex(/^[A-Za-z0-9._-]{1,200}$/, 'a topic prefix has letters, digits, dot, dash and underscore'),
    user: z.string().min(1).optional(),
    password: z.string().min(1).optional(),
    sasl: z.enum(SASL).optional(),
    tls: z.enum(['true', 'false']).optional(),
    ca: z.string().min(1).optional(),
    cert: z.string().min(1).optional(),
    key: z.string().min(1).optional(),
    compression: z.enum(['gzip', 'none']).default('gzip'),
    'client-id': z.string().min(1).max(200).default('vestige'),
  })
  .check(({ value, issues }) => {
    const wrong = (message: string) => issues.push({ code: 'custom', message, input: value });
    const { user, password, sasl, tls, ca, cert, key } = value;
    if (sasl !== undefined && user === undefined) wrong(`sasl=${sasl} needs a user`);
    if (user !== undefined && password === undefined) wrong(`user ${user} needs a password`);
    if (tls === 'false' && (ca ?? cert ?? key) !== undefined) wrong('tls=false takes no ca, cert or key');
    if ((cert === undefined) !== (key === undefined)) wrong('cert and key come together');
  });

export interface KafkaAddress {
  brokers: readonly string[];
  topicPrefix: string;
  clientId: string;
  /** Of what is sent. */
  compression: 'gzip' | 'none';
  /** Paths of PEM files. */
  tls: { ca: string | undefined; cert: string | undefined; key: string | undefined } | undefined;
  sasl: { mechanism: (typeof SASL)[number]; username: string; password: string } | undefined;
}

/**
 * @param password holds before the one in the address, so that it need not stand in a command line; ignored where there is no user
 * @throws KafkaAddressError
 */
export function parseKafkaAddress(text: string, password?: string): KafkaAddress {
  const { user, ...parts } = cut(text);
  const given = KafkaAddress.safeParse({
    user,
    ...parts,
    password: user ? (password ?? parts['password']) : undefined,
  });
  if (!given.success) {
    const says = given.error.issues.map(({ path, message }) => [...path.slice(0, 1), message].join(': '));
    throw invalid(text, says.join('; '));
  }
  const { brokers, prefix, sasl, tls, ca, cert, key, compression, ...rest } = given.data;
  const username = given.data.user;
  return {
    brokers,
    topicPrefix: prefix,
    clientId: rest['client-id'],
    compression,
    tls: tls === 'true' || (ca ?? cert) !== undefined ? { ca, cert, key } : undefined,
    // of the three the one that tells the server no password and is the strongest
    sasl: username
      ? { mechanism: sasl ?? 'scram-sha-512', username, password: given.data.password as string }
      : undefined,
  };
}

/** For people: without password. */
export function describe({ brokers, topicPrefix, sasl }: KafkaAddress): string {
  return `kafka://${sasl ? `${sasl.username}@` : ''}${brokers.join(',')}/${topicPrefix}`;
}

const SHAPE = /^kafka:\/\/(?:(?<userinfo>[^@/?#]*)@)?(?<hosts>[^@/?#]*)(?:\/(?<prefix>[^?#]*))?(?:\?(?<query>[^#]*))?$/;
const OPTIONS = ['sasl', 'tls', 'ca', 'cert', 'key', 'client-id', 'compression'];

/** By hand: what Node takes for an address has one host. */
function cut(text: string): Record<string, string | string[] | undefined> {
  const groups = SHAPE.exec(text)?.groups;
  if (!groups) throw invalid(text, 'it looks like kafka://host:port,host:port/topic-prefix?tls=true');
  const decoded = (part: string): string => {
    try {
      return decodeURIComponent(part);
    } catch {
      throw invalid(text, 'a % begins no character');
    }
  };
  const [user, ...password] = (groups['userinfo'] ?? '').split(':');
  const query = new URLSearchParams(groups['query'] ?? '');
  for (const name of query.keys()) {
    if (!OPTIONS.includes(name)) throw invalid(text, `no option ${name}; there are ${OPTIONS.join(', ')}`);
    if (query.getAll(name).length > 1) throw invalid(text, `${name} is said twice`);
  }
  return {
    brokers: (groups['hosts'] ?? '').split(','),
    prefix: decoded(groups['prefix'] ?? '') || DEFAULT_TOPIC_PREFIX,
    user: user ? decoded(user) : undefined,
    password: password.length > 0 ? decoded(password.join(':')) : undefined,
    ...Object.fromEntries(query),
  };
}

/** The text may hold a password: what is between :// and @ is not said. */
const invalid = (text: string, says: string): KafkaAddressError =>
  new KafkaAddressError(
    'invalid-address',
    `not an address of Kafka: ${text.replace(/\/\/[^@/]*@/, '//...@')}: ${says}`,
  );

// A connection on one site takes milliseconds; half a second is far away. A broker that is asked for acknowledgement by all replicas
// answers within 10 s or says that it cannot (producer.ts).
const CONNECT_MS_MAX = 5_000;
const REQUEST_MS_MAX = 15_000;

/**
 * What kafkajs wants to know. Files are read anew each time: certificates are renewed.
 * @throws KafkaAddressError
 */
export function toKafkaConfig(address: KafkaAddress): KafkaConfig {
  const { brokers, clientId, tls, sasl } = address;
  return {
    brokers: [...brokers],
    clientId,
    ...(tls
      ? {
          ssl: {
            ...(tls.ca === undefined ? {} : { ca: [read(tls.ca)] }),
            ...(tls.cert === undefined ? {} : { cert: read(tls.cert) }),
            ...(tls.key === undefined ? {} : { key: read(tls.key) }),
          },
        }
      : {}),
    ...(sasl ? { sasl: saslOf(sasl) } : {}),
    connectionTimeout: CONNECT_MS_MAX,
    authenticationTimeout: CONNECT_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    // every broker of the list is tried once, and the last again: whoever called tries again after that, with a longer breath
    retry: { retries: brokers.length, initialRetryTime: 200, maxRetryTime: 2_000 },
    // it reports each try as an error; what matters is told by whoever called
    logLevel: logLevel.NOTHING,
  };
}

function saslOf({
  mechanism,
  username,
  password,
}: NonNullable<KafkaAddress['sasl']>): NonNullable<KafkaConfig['sasl']> {
  switch (mechanism) {
    case 'plain':
      return { mechanism, username, password };
    case 'scram-sha-256':
      return { mechanism, username, password };
    case 'scram-sha-512':
      return { mechanism, username, password };
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new KafkaAddressError('unreadable-file', `${path}: ${(cause as Error).message}`, { cause });
  }
}
