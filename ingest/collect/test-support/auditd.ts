// A real audit daemon for tests: Debian's auditd with a configuration of its own, hearing the kernel, told to audit nothing but what the
// test itself starts (`audited`). The kernel has one audit daemon at a time: suites take turns, and leave the kernel as they found it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

// A bit of personality(2) that changes nothing a program does today: STICKY_TIMEOUTS keeps select(2)'s timeout, which no program of a test
// relies on. Children inherit it, and the kernel's rules can ask for it.
const PERSONALITY = '0x4000000';
const MARKED = ['setarch', '--sticky-timeouts'] as const;
const RULE_KEY = 'vestige-test-';
/** Of the rules this process makes. */
export const OWN_RULE_KEY = `${RULE_KEY}${process.pid}`;
const DIRECTORY_PREFIX = 'vestige-auditd-';
// abstract socket: the kernel gives it back when the process ends, however it ends
const LOCK = '\0vestige-auditd-test';
const TURN_MS_MAX = 100_000;
const STARTED_MS_MAX = 10_000;
const FLUSHED_MS_MAX = 30_000;
// the kernel's default of 64 lines makes every process of a storm wait
const BACKLOG_LINES = 16_384;

export interface AuditdOptions {
  format?: 'RAW' | 'ENRICHED';
  /** When the log is rotated, in MiB; 1 is the least auditd takes (some 700 execve). */
  maxLogMiB?: number;
  /** Rotated files and the live one; up to 999. */
  numLogs?: number;
  /** Written as `node=` before every line. */
  node?: string;
  /** Whether lines go to `socket` too, by auditd's own af_unix plugin. */
  unixSocket?: boolean;
  /** Path of a program of root's that auditd starts and writes lines to. */
  plugin?: string;
}

export interface Auditd {
  readonly directory: string;
  readonly logFile: string;
  readonly socket: string;
  pid(): number;
  /** Audits these system calls of what is started through `audited`. */
  audit(...syscalls: string[]): void;
  /** A command, and all its children, of which the audited system calls are written. */
  audited(command: string, ...args: string[]): [string, string[]];
  /** Starts so many programs one after the other (/bin/true N), each an execve; resolves when they have ended. */
  storm(programs: number, perSecond?: number): Promise<void>;
  /** Resolves once all that happened before is in the log. */
  flushed(): Promise<void>;
  /** The log's files, oldest first, the live one last. */
  files(): string[];
  /** Renames the log and begins a new one, as auditd does at its size. */
  rotate(): Promise<void>;
  /** kill -9. What comes until `start` the kernel keeps only where it was booted with audit=1: elsewhere it is lost. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends the daemon, takes the rules back, gives up the turn, removes the directory; before that a last look at the log. */
  stop(look?: () => void): Promise<void>;
}

/** Why no audit daemon can be started here; undefined where it can. */
export function whyUnavailable(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may start an audit daemon';
  for (const program of ['auditd', 'auditctl', 'setarch', 'setpriv'])
    if (spawnSync('which', [program]).status !== 0) return `${program} is not installed`;
  const status = kernelStatus();
  if (!status) return 'the kernel does not answer auditctl -s';
  const pid = status['pid'] ?? 0;
  return pid !== 0 && isForeign(pid) ? `another audit daemon is running (pid ${pid})` : undefined;
}

/** Says on the console why not. Where CI=true, suites do not skip: they fail. */
export function isAvailable(): boolean {
  const why = whyUnavailable();
  if (why !== undefined) console.warn(`no audit daemon for tests: ${why}`);
  return why === undefined;
}

/** Waits for its turn. @throws Error when the daemon does not start */
export async function startAuditd(options: AuditdOptions = {}): Promise<Auditd> {
  const why = whyUnavailable();
  if (why !== undefined) throw new Error(why);
  const turn = await takeTurn();
  await clearAway();
  const before = kernelStatus() ?? {};
  const directory = mkdtempSync(join(tmpdir(), DIRECTORY_PREFIX));
  const logFile = join(directory, 'audit.log');
  const socket = join(directory, 'audispd.sock');
  configure(directory, logFile, socket, options);
  const rules: string[][] = [];
  let daemon = await startDaemon(directory, logFile);
  auditctl('-b', String(BACKLOG_LINES));
  let marks = 0;

  const audited = (command: string, ...args: string[]): [string, string[]] => [
    MARKED[0],
    [...MARKED.slice(1), command, ...args],
  ];
  const endDaemon = async (signal: NodeJS.Signals) => {
    if (daemon.exitCode !== null || daemon.signalCode !== null) return;
    const ended = new Promise((done) => daemon.once('exit', done));
    daemon.kill(signal);
    await ended;
  };
  return {
    directory,
    logFile,
    socket,
    pid: () => daemon.pid ?? 0,
    audited,
    audit: (...syscalls) => {
      const rule = ['always,exit', '-F', 'arch=b64', ...syscalls.flatMap((name) => ['-S', name])];
      rule.push('-F', `pers=${PERSONALITY}`, '-k', OWN_RULE_KEY);
      auditctl('-a', ...rule);
      rules.push(rule);
    },
    storm: (programs, perSecond) => runStorm(audited, programs, perSecond),
    flushed: async () => {
      const mark = `vestige flushed ${process.pid} ${++marks}`;
      auditctl('-m', mark);
      await until(() => logFiles(logFile).some((path) => isIn(path, mark)), FLUSHED_MS_MAX, 'the log has the mark');
    },
    files: () => logFiles(logFile),
    rotate: async () => {
      const { ino } = statSync(logFile);
      daemon.kill('SIGUSR1');
      const isNew = () => (statSync(logFile, { throwIfNoEntry: false })?.ino ?? ino) !== ino;
      await until(isNew, STARTED_MS_MAX, 'the log was rotated');
    },
    kill: () => endDaemon('SIGKILL'),
    start: async () => {
      daemon = await startDaemon(directory, logFile);
    },
    stop: async (look) => {
      for (const rule of rules) auditctl('-d', ...rule);
      await endDaemon('SIGTERM');
      look?.();
      auditctl('-e', String(before['enabled'] ?? 0));
      auditctl('-b', String(before['backlog_limit'] ?? 64));
      rmSync(directory, { recursive: true, force: true });
      await new Promise((closed) => turn.close(closed));
    },
  };
}

function configure(directory: string, logFile: string, socket: string, options: AuditdOptions): void {
  const { format = 'RAW', maxLogMiB = 8, numLogs = 5, node, unixSocket = false, plugin } = options;
  const plugins = join(directory, 'plugins.d');
  mkdirSync(plugins);
  const settings: Record<string, string | number> = {
    local_events: 'yes',
    write_logs: 'yes',
    log_file: logFile,
    log_format: format,
    flush: 'INCREMENTAL_ASYNC',
    freq: 50,
    max_log_file: maxLogMiB,
    num_logs: numLogs,
    max_log_file_action: 'ROTATE',
    name_format: node === undefined ? 'NONE' : 'USER',
    ...(node === undefined ? {} : { name: node }),
    priority_boost: 4,
    // a full disk is the business of other tests
    space_left: 75,
    space_left_action: 'IGNORE',
    admin_space_left: 50,
    admin_space_left_action: 'IGNORE',
    disk_full_action: 'IGNORE',
    disk_error_action: 'IGNORE',
    q_depth: 20_000,
    overflow_action: 'IGNORE',
    plugin_dir: plugins,
    end_of_event_timeout: 2,
  };
  const write = (path: string, values: Record<string, string | number>) => {
    const lines = Object.entries(values).map(([name, value]) => `${name} = ${value}\n`);
    writeFileSync(path, lines.join(''), { mode: 0o640 }); // auditd refuses what others may write
  };
  write(join(directory, 'auditd.conf'), settings);
  const common = { active: 'yes', direction: 'out', format: 'string' };
  if (unixSocket)
    write(join(plugins, 'af_unix.conf'), {
      ...common,
      ...{ path: 'builtin_af_unix', type: 'builtin', args: `0600 ${socket}` },
    });
  if (plugin !== undefined) write(join(plugins, 'plugin.conf'), { ...common, type: 'always', path: plugin });
}

async function startDaemon(directory: string, logFile: string): Promise<ChildProcess> {
  // with the test's process goes the daemon
  const daemon = spawn('setpriv', ['--pdeathsig', 'TERM', 'auditd', '-n', '-c', directory], { stdio: 'ignore' });
  const hears = () => {
    if (daemon.exitCode !== null) throw new Error(`auditd ended with ${daemon.exitCode}; it tells syslog why`);
    return kernelStatus()?.['pid'] === daemon.pid && existsSync(logFile);
  };
  await until(hears, STARTED_MS_MAX, 'auditd hears the kernel');
  return daemon;
}

function logFiles(logFile: string): string[] {
  const directory = join(logFile, '..');
  const age = (name: string) => Number(/\.(\d+)$/.exec(name)?.[1] ?? 0);
  return readdirSync(directory)
    .filter((name) => /^audit\.log(\.\d+)?$/.test(name))
    .sort((a, b) => age(b) - age(a))
    .map((name) => join(directory, name));
}

function isIn(path: string, mark: string): boolean {
  try {
    return readFileSync(path).includes(`${mark} `) || readFileSync(path).includes(Buffer.from(mark).toString('hex'));
  } catch {
    return false; // rotated meanwhile
  }
}

// A shell that starts programs: of those it can start one or two thousand a second.
async function runStorm(audited: Auditd['audited'], programs: number, perSecond?: number): Promise<void> {
  const tenth = perSecond === undefined ? programs : Math.max(1, Math.round(perSecond / 10));
  const script = 'i=0; while [ $i -lt "$1" ]; do i=$((i+1)); /bin/true $i $2; done';
  for (let done = 0, from = Date.now(); done < programs; done += tenth) {
    const [command, args] = audited('/bin/sh', '-c', script, 'sh', String(Math.min(tenth, programs - done)), `${done}`);
    const shell = spawn(command, args, { stdio: 'ignore' });
    await new Promise((ended, failed) => shell.once('exit', ended).once('error', failed));
    if (perSecond !== undefined) await sleep(from + ((done + tenth) / perSecond) * 1000 - Date.now());
  }
}

function auditctl(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('auditctl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`auditctl ${args.join(' ')}: ${stderr.trim()}`);
  return stdout;
}

function kernelStatus(): Record<string, number> | undefined {
  const { status, stdout } = spawnSync('auditctl', ['-s'], { encoding: 'utf8' });
  const pairs = [...(stdout ?? '').matchAll(/^(\w+) (\d+)/gm)].map(([, name, value]) => [name, Number(value)]);
  return status === 0 && pairs.length > 0 ? Object.fromEntries(pairs) : undefined;
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

const isForeign = (pid: number): boolean => {
  const command = commandOf(pid);
  return command !== '' && !command.includes(DIRECTORY_PREFIX);
};

async function takeTurn(): Promise<Server> {
  const deadline = Date.now() + TURN_MS_MAX;
  for (;;) {
    const server = createServer();
    const taken = await new Promise<boolean>((done) => {
      server.once('error', () => done(false)).listen(LOCK, () => done(true));
    });
    if (taken) return server.unref();
    if (Date.now() > deadline) throw new Error('another suite has the audit daemon and does not end');
    await sleep(200);
  }
}

/** What a suite that was killed left behind: whoever has the turn may clear it away. */
async function clearAway(): Promise<void> {
  const pid = kernelStatus()?.['pid'] ?? 0;
  if (pid !== 0 && commandOf(pid).includes(DIRECTORY_PREFIX)) {
    process.kill(pid, 'SIGTERM');
    await until(() => commandOf(pid) === '', STARTED_MS_MAX, 'the audit daemon of an earlier suite ended');
  }
  const left = auditctl('-l')
    .split('\n')
    .filter((rule) => rule.includes(RULE_KEY));
  for (const rule of left) auditctl('-d', ...rule.split(' ').slice(1));
}

async function until(holds: () => boolean, msMax: number, what: string): Promise<void> {
  const deadline = Date.now() + msMax;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`not within ${msMax} ms: ${what}`);
    await sleep(20);
  }
}
