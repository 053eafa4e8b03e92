// What a collector is told: a file (YAML or JSON) for all collectors of an installation, options of the command line over it.
import { z } from 'zod';

const UNITS_BYTES = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;
const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Bytes: a number, or `512 MiB`. */
const Bytes = z.union([
  z.number().int().positive(),
  z
    .string()
    .regex(/^\d+ ?([KMGT]iB)?$/, 'bytes, or a number with KiB, MiB, GiB or TiB')
    .transform((text) => {
      const [, n = '', unit = ''] = /^(\d+) ?(\w*)$/.exec(text) ?? [];
      return Number(n) * UNITS_BYTES[unit as keyof typeof UNITS_BYTES];
    }),
]);

/** Milliseconds of `90s`, `15m`, `6h`, `7d`. */
const Duration = z
  .string()
  .regex(/^\d+[smhd]$/, 'a number with s, m, h or d')
  .transform((text) => Number(text.slice(0, -1)) * UNITS_MS[text.slice(-1) as keyof typeof UNITS_MS]);

const Path = z.string().min(1);

const SPOOL_BYTES_MIN = 8 * 1024 * 1024;

/** host:port, [address]:port or :port. */
const Listen = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^:\s]*):\d{1,5}$/, 'host:port')
  .transform((text) => {
    const colon = text.lastIndexOf(':');
    const host = text.slice(0, colon).replace(/^\[|\]$/g, '');
    return { host: host === '' ? '0.0.0.0' : host, port: Number(text.slice(colon + 1)) };
  })
  .refine(({ port }) => port <= 65_535, 'a port is at most 65535');

const Tls = { tls_cert: Path.optional(), tls_key: Path.optional(), client_ca: Path.optional() };

export const CollectConfig = z.strictObject({
  /** kafka://HOST:PORT[,...] | https://HOST:PORT | embedded:DIR */
  to: z.string().min(1).optional(),
  /** Holds the password of Kafka, or the bearer token of a receiver. */
  secret_file: Path.optional(),
  cluster: z.string().min(1).default('default'),
  /** Of the machine this runs on; its host name when left out. */
  node: z.string().min(1).optional(),
  spool: z
    .strictObject({
      /** One directory in it for each collector. */
      directory: Path.default('vestige-spool'),
      max_bytes: Bytes.pipe(z.number().min(SPOOL_BYTES_MIN, 'at least 8 MiB')).prefault('1 GiB'),
      max_age: Duration.prefault('7d'),
    })
    .prefault({}),
  k8s_audit: z
    .strictObject({
      /** The API server's log file (--audit-log-path); or: */
      log: Path.optional(),
      /** Where its webhook (--audit-webhook-config-file) sends to. */
      listen: Listen.optional(),
      ...Tls,
      client_names: z.array(z.string().min(1)).default([]),
      token_files: z.array(Path).default([]),
      insecure_loopback: z.boolean().default(false),
    })
    .prefault({}),
  auditd: z
    .strictObject({
      /** audit.log, or: */
      log: Path.optional(),
      /** the socket of auditd's af_unix plugin, or: */
      socket: Path.optional(),
      /** as a plugin of auditd itself, by standard input. */
      stdin: z.boolean().default(false),
      /** Where the processes of the node are seen, to find their containers. */
      proc: Path.default('/proc'),
    })
    .prefault({}),
  containerd: z.strictObject({ socket: Path.default('/run/containerd/containerd.sock') }).prefault({}),
  docker: z.strictObject({ socket: Path.default('/var/run/docker.sock') }).prefault({}),
  cri: z.strictObject({ socket: Path.default('/run/crio/crio.sock') }).prefault({}),
});
export type CollectConfig = z.infer<typeof CollectConfig>;

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * @param given what a file holds, already read
 * @param where named in the error
 * @throws ConfigError that says every fault
 */
export function parseConfig(given: unknown, where: string): CollectConfig {
  const parsed = CollectConfig.safeParse(given ?? {});
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the whole'}: ${message}`);
  throw new ConfigError(`${where}: ${faults.join('; ')}`);
}
