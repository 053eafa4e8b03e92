// What a busy node pays for its collector: processor time for so many executed programs a second, against LAUREL for the same lines at the same
// pace, and memory. Half of the programs still run when their event is read, so that their container is looked up; the others are gone.
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isLaurelHere, writeLaurelConfig } from '../others.ts';
import { execveTemplates } from './execve-events.ts';
import { type Running, startProcess, startVestige } from './running.ts';
import { messagesIn } from './topic.ts';
import { type Pace, writeLog } from './writer.ts';

/** What it takes while lines come, once it is warm. */
export interface CollectorCost {
  cpuSeconds: number;
  peakBytes: number;
  /** Of one processor, when no line comes any more. */
  idleLoad: number;
}

export interface CollectorFigures {
  events: number;
  log: CollectorCost;
  /** As a plugin of auditd, which LAUREL is. */
  plugin: CollectorCost;
  /** Undefined where it is not installed. */
  laurel: CollectorCost | undefined;
  /** Messages that both ways brought to Kafka, warming up included. */
  arrived: { log: number; plugin: number };
}

const ALIVE = 20;
// more than a kernel gives
const GONE_PID = 4_194_305;
// what came last is on its way
const SETTLE_MS = 500;
const IDLE_MS = 1_000;

export async function measureAuditdCollector(
  place: { broker: string; directory: string; warmUpSeconds: number } & Pace,
): Promise<CollectorFigures> {
  const directory = join(place.directory, 'auditd');
  const at = (name: string) => join(directory, name);
  mkdirSync(at('log'), { recursive: true });
  writeFileSync(at('log/audit.log'), '');
  execFileSync('mkfifo', [at('pipe')]);
  // open at both ends, so that neither waits for the other
  const pipe = openSync(at('pipe'), 'r+');
  const alive = Array.from({ length: ALIVE }, () => spawn('sleep', ['3600'], { stdio: 'ignore' }));
  const pids = alive.flatMap(({ pid }) => [pid ?? 0, GONE_PID]);
  const texts = execveTemplates();
  const { broker, perSecond, seconds, warmUpSeconds } = place;
  const measured = async (running: Running, to: string): Promise<CollectorCost> => {
    try {
      const write = (pace: Pace) => writeLog(directory, texts, { to, pids, ...pace });
      await write({ perSecond, seconds: warmUpSeconds });
      await sleep(SETTLE_MS);
      const before = running.cpuSeconds();
      await write({ perSecond, seconds });
      await sleep(SETTLE_MS);
      const after = running.cpuSeconds();
      await sleep(IDLE_MS);
      const idleLoad = (1000 * (running.cpuSeconds() - after)) / IDLE_MS;
      return { cpuSeconds: after - before, peakBytes: running.peakBytes(), idleLoad };
    } finally {
      await running.stop();
    }
  };
  const collect = (name: string, ...from: string[]) => [
    ...['collect', 'auditd', ...from, '--node', 'worker-1'],
    ...['--to', `kafka://${broker}/bench-${name}.`, '--spool', at(`spool-${name}`)],
  ];
  try {
    const log = await measured(startVestige(collect('log', '--log', at('log/audit.log'))), at('log/audit.log'));
    const plugin = await measured(startVestige(collect('plugin', '--stdin'), pipe), at('pipe'));
    const laurel = isLaurelHere()
      ? await measured(startProcess('laurel', ['--config', writeLaurelConfig(directory)], pipe), at('pipe'))
      : undefined;
    const arrived = async (name: string) => messagesIn(broker, `bench-${name}.auditd`);
    return {
      ...{ events: perSecond * seconds, log, plugin, laurel },
      arrived: { log: await arrived('log'), plugin: await arrived('plugin') },
    };
  } finally {
    for (const one of alive) one.kill();
    closeSync(pipe);
    rmSync(directory, { recursive: true, force: true });
  }
}
