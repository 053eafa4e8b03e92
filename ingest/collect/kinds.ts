// The collectors there are, by name, each loaded only when it is the one that runs: what reads gRPC has no need of TLS.
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { Collected, Collector } from './collector.ts';
import { type CollectConfig, ConfigError } from './config.ts';

export const COLLECTOR_KINDS = ['k8s-audit', 'auditd', 'containerd', 'docker', 'cri'] as const;
export type CollectorKind = (typeof COLLECTOR_KINDS)[number];

export interface Chosen {
  collector: Collector;
  source: Collected['source'];
  /** What it reads, for notices about it. */
  stream: string;
  /** Whether it reads again what could not be taken. */
  readsAgain: boolean;
  /** Whether somebody waits until it is on disk. */
  acknowledges?: boolean;
}

/**
 * @param input standard input, for a plugin of auditd: its number, where it is a pipe or a socket
 * @throws ConfigError
 */
export async function chooseCollector(
  kind: CollectorKind,
  config: CollectConfig,
  input: () => number | Readable,
): Promise<Chosen> {
  switch (kind) {
    case 'k8s-audit':
      return k8sAudit(config.k8s_audit);
    case 'containerd': {
      const { createContainerdCollector } = await import('./runtimes/containerd.ts');
      return { ...ofRuntime(kind, config.containerd), collector: createContainerdCollector(config.containerd) };
    }
    case 'docker': {
      const { createDockerCollector } = await import('./runtimes/docker.ts');
      return { ...ofRuntime(kind, config.docker), collector: createDockerCollector(config.docker) };
    }
    case 'cri': {
      const { createCriCollector } = await import('./runtimes/cri.ts');
      return { ...ofRuntime(kind, config.cri), collector: createCriCollector(config.cri) };
    }
    case 'auditd':
      return auditd(config.auditd, input);
  }
}

const ofRuntime = (kind: CollectorKind, { socket }: { socket: string }) => ({
  source: 'runtime' as const,
  stream: `${kind}:${socket}`,
  readsAgain: false,
});

const AUDIT_LOG = '/var/log/audit/audit.log';

async function auditd(
  { log, socket, stdin, proc }: CollectConfig['auditd'],
  input: () => number | Readable,
): Promise<Chosen> {
  const given = [log, socket, stdin || undefined].filter((one) => one !== undefined);
  if (given.length > 1) throw new ConfigError('auditd: one of log, socket and stdin');
  const of = { source: 'auditd' as const };
  if (stdin) {
    const { AUDISP_STREAM, createAudispPlugin } = await import('./auditd/audisp.ts');
    return {
      ...of,
      collector: createAudispPlugin({ input: input(), procRoot: proc }),
      stream: AUDISP_STREAM,
      readsAgain: false,
    };
  }
  if (socket !== undefined) {
    const { createAudispSocketReader } = await import('./auditd/audisp.ts');
    return {
      ...of,
      collector: createAudispSocketReader({ path: socket, procRoot: proc }),
      stream: socket,
      readsAgain: false,
    };
  }
  const { createAuditdFollower } = await import('./auditd/follow-auditd.ts');
  const path = resolve(log ?? AUDIT_LOG);
  return { ...of, collector: createAuditdFollower({ path, procRoot: proc }), stream: path, readsAgain: true };
}

async function k8sAudit(config: CollectConfig['k8s_audit']): Promise<Chosen> {
  const { listen, log, tls_cert: cert, tls_key: key, client_ca: clientCa } = config;
  if ((listen === undefined) === (log === undefined))
    throw new ConfigError(
      'k8s-audit: either the log file of the API server (log), or where its webhook sends to (listen)',
    );
  if (log !== undefined) {
    const { createAuditLogFollower } = await import('./k8s-audit/follow-audit-log.ts');
    return {
      collector: createAuditLogFollower({ path: resolve(log) }),
      source: 'k8s-audit',
      stream: resolve(log),
      readsAgain: true,
    };
  }
  if (listen === undefined || cert === undefined || key === undefined)
    throw new ConfigError('k8s-audit: the webhook needs tls_cert and tls_key');
  const { createAuditWebhook } = await import('./k8s-audit/audit-webhook.ts');
  const collector = createAuditWebhook({
    ...listen,
    tls: { cert, key, ...(clientCa === undefined ? {} : { clientCa }) },
    clientNames: config.client_names,
    tokenFiles: config.token_files,
    insecureLoopback: config.insecure_loopback,
  });
  // the API server sends again what was not acknowledged
  const stream = `webhook:${listen.host}:${listen.port}`;
  return { collector, source: 'k8s-audit', stream, readsAgain: true, acknowledges: true };
}
