// What the collector of auditd costs under a storm of execve, against LAUREL: a real auditd hands the same lines to both at the same time,
// LAUREL as its plugin, the collector with its whole runtime (spool, fsync, a sink that takes everything).
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Auditd, startAuditd } from '../../ingest/collect/test-support/auditd.ts';
import type { CollectorProcessOptions } from '../../ingest/collect/test-support/collector-process.ts';
import { startProgram } from '../../ingest/transport/https/test-support/start-program.ts';
import { measureLaurel } from './others.ts';

const PROGRAM = new URL('../../ingest/collect/test-support/collector-process.ts', import.meta.url);

export interface CollectorFigures {
  kind: CollectorProcessOptions['kind'];
  programs: number;
  seconds: number;
  lines: number;
  bytes: number;
  cpuSeconds: number;
  rssBytesMax: number;
  /** Of LAUREL as auditd's plugin, meanwhile; undefined where it is not installed. */
  laurelCpuSeconds: number | undefined;
  /** Of LAUREL fed the same lines in one go, when auditd had ended. */
  laurelAtOnceCpuSeconds: number | undefined;
}

/** @param kind how the collector gets its lines: the log file, or auditd's socket */
export async function measureAuditdCollector(
  kind: 'auditd-log' | 'audisp-socket',
  load: { programsPerSecond: number; seconds: number },
): Promise<CollectorFigures> {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-auditd-bench-'));
  const hasLaurel = spawnSync('laurel', ['--version']).error === undefined;
  const plugin = hasLaurel ? { plugin: laurelPlugin(directory) } : {};
  const auditd = await startAuditd({ maxLogMiB: 8, numLogs: 99, unixSocket: true, ...plugin });
  try {
    const options = {
      kind,
      path: kind === 'auditd-log' ? auditd.logFile : auditd.socket,
      spool: join(directory, 'spool'),
      sinkTakes: true,
    };
    const collector = await startProgram(PROGRAM, options satisfies CollectorProcessOptions, directory);
    await sleep(1_500); // both are up
    auditd.audit('execve');
    const laurel = hasLaurel ? childOf(auditd.pid(), 'laurel') : undefined;
    collector.process.kill('SIGUSR2');
    const laurelBefore = laurel === undefined ? 0 : cpuSecondsOf(laurel);
    const from = performance.now();
    const programs = load.programsPerSecond * load.seconds;
    await auditd.storm(programs, load.programsPerSecond);
    const seconds = (performance.now() - from) / 1000;
    await auditd.flushed();
    await sleep(2_500);
    const laurelCpuSeconds = laurel === undefined ? undefined : cpuSecondsOf(laurel) - laurelBefore;
    collector.process.kill('SIGTERM');
    const cost = (await collector.line()) as { cpuSeconds: number; rssBytesMax: number };
    await collector.ended;
    const log = wholeLog(auditd, directory);
    return {
      ...{ kind, programs, seconds, laurelCpuSeconds, ...cost },
      ...{ lines: log.lines, bytes: log.bytes },
      laurelAtOnceCpuSeconds: measureLaurel(log.path, directory, 3)?.cost.cpuSeconds,
    };
  } finally {
    await auditd.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A plugin of auditd may not have arguments with more than two words; a script may. */
function laurelPlugin(directory: string): string {
  const out = join(directory, 'laurel-plugin');
  mkdirSync(out);
  const config = join(directory, 'laurel-plugin.toml');
  writeFileSync(
    config,
    `directory = "${out}"\n[auditlog]\nfile = "audit.log"\nsize = 1000000000000\ngenerations = 1\n`,
  );
  const script = join(directory, 'laurel-plugin.sh');
  writeFileSync(script, `#!/bin/sh\nexec laurel --config ${config}\n`);
  chmodSync(script, 0o750);
  return script;
}

function childOf(pid: number, name: string): number | undefined {
  const children = readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').trim().split(' '))
    .filter((child) => child !== '');
  return children.map(Number).find((child) => readFileSync(`/proc/${child}/comm`, 'latin1').trim() === name);
}

const TICKS_PER_SECOND = 100;
function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function wholeLog(auditd: Auditd, directory: string): { path: string; lines: number; bytes: number } {
  const path = join(directory, 'whole.log');
  const bytes = Buffer.concat(auditd.files().map((file) => readFileSync(file)));
  writeFileSync(path, bytes);
  return { path, lines: bytes.filter((byte) => byte === 10).length, bytes: bytes.length };
}
