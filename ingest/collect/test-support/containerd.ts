// A real containerd of the test's own: its root, state and socket lie in one directory, nothing of the machine's own containerd is touched.
// Serves CRI on the same socket. For tests; needs root, containerd, ctr, runc and a static busybox.
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { busyboxImage } from './busybox-image.ts';

export const IMAGE = 'registry.test/busybox:1';
const BUSYBOX = '/usr/bin/busybox';
const PROGRAMS = {
  daemon: 'containerd',
  shim: 'containerd-shim-runc-v2',
  client: 'ctr',
  runc: 'runc',
  unmount: 'umount',
};
const BOOT_MS_MAX = 20_000;
const CTR_MS_MAX = 60_000;
const CTR_OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/** Why no containerd can run here, or undefined. */
export function whyUnavailable(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  const missing = Object.values(PROGRAMS).find((name) => spawnSync('which', [name]).status !== 0);
  if (missing) return `no ${missing} on the PATH`;
  return existsSync(BUSYBOX) ? undefined : `no ${BUSYBOX} (busybox-static)`;
}

/** For `describe.skipIf(!isAvailable())`: says why not; with CI=true the suite runs, and fails. */
export function isAvailable(): boolean {
  const why = whyUnavailable();
  if (why) console.warn(`containerd is not tested here: ${why}`);
  return why === undefined || process.env['CI'] === 'true';
}

export interface Containerd {
  readonly directory: string;
  readonly socket: string;
  readonly snapshotter: 'overlayfs' | 'native';
  /** Of the manifest of IMAGE, which is in namespace `default`. */
  readonly imageDigest: string;
  /** @throws with what ctr wrote to stderr */
  ctr(args: readonly string[], namespace?: string): Promise<string>;
  /** `ctr` as a process that goes on, such as `ctr events`. */
  startCtr(args: readonly string[], namespace?: string): ChildProcess;
  /** Imports IMAGE into a namespace. */
  importImage(namespace: string): Promise<void>;
  /** kill -9 of containerd alone: containers and their shims live on. */
  kill(): Promise<void>;
  /** Starts it again, after ending it in good order where it still runs. */
  restart(): Promise<void>;
  /** Ends all containers, containerd itself, and removes its directory. */
  stop(): Promise<void>;
}

export async function startContainerd(options: { directory?: string } = {}): Promise<Containerd> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'vestige-containerd-'));
  const socket = join(directory, 'containerd.sock');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'config.toml'), configOf(directory, socket));
  const daemon = daemonOf(directory, socket);
  const ctr = (args: readonly string[], namespace = 'default') =>
    output(PROGRAMS.client, ['--address', socket, '--namespace', namespace, ...args]);

  await daemon.start();
  const plugins = await ctr(['plugins', 'ls']);
  const snapshotter = /overlayfs\s+\S+\s+ok/.test(plugins) ? 'overlayfs' : 'native';
  const image = busyboxImage(IMAGE, BUSYBOX);
  const tar = join(directory, 'busybox.tar');
  writeFileSync(tar, image.tar);
  const importImage = async (namespace: string) => {
    await ctr(['images', 'import', '--snapshotter', snapshotter, tar], namespace);
  };
  await importImage('default');

  return {
    directory,
    socket,
    snapshotter,
    imageDigest: image.digest,
    ctr,
    startCtr: (args, namespace = 'default') =>
      spawn(PROGRAMS.client, ['--address', socket, '--namespace', namespace, ...args], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    importImage,
    kill: () => daemon.end('SIGKILL'),
    restart: async () => {
      await daemon.end('SIGTERM');
      await daemon.start();
    },
    stop: async () => {
      await daemon.start(); // where it was killed: only it ends what it left running
      await endContainers(ctr);
      await daemon.end('SIGTERM');
      endShims(socket);
      unmountBelow(directory);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** `restrict_oom_score_adj`: in a sandbox nobody may lower it. */
const configOf = (directory: string, socket: string) => `version = 2
root = "${directory}/root"
state = "${directory}/state"
oom_score = 0
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp",
]
[grpc]
address = "${socket}"
[ttrpc]
address = "${socket}.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
restrict_oom_score_adj = true
sandbox_image = "${IMAGE}"
[plugins."io.containerd.grpc.v1.cri".cni]
conf_dir = "${directory}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
Root = "${directory}/runc"
`;

function daemonOf(directory: string, socket: string) {
  let child: ChildProcess | undefined;
  const runs = () => child !== undefined && child.exitCode === null && child.signalCode === null;
  return {
    async start() {
      if (runs()) return;
      const log = openSync(join(directory, 'containerd.log'), 'a');
      child = spawn(PROGRAMS.daemon, ['--config', join(directory, 'config.toml')], { stdio: ['ignore', log, log] });
      const until = Date.now() + BOOT_MS_MAX;
      while (!(await answers(socket))) {
        if (!runs() || Date.now() > until)
          throw new Error(`containerd does not start: ${readFileSync(join(directory, 'containerd.log'), 'utf8')}`);
        await sleep(50);
      }
    },
    async end(signal: 'SIGTERM' | 'SIGKILL') {
      if (!runs()) return;
      const ended = once(child as ChildProcess, 'exit');
      child?.kill(signal);
      await ended;
    },
  };
}

const answers = (socket: string) =>
  output(PROGRAMS.client, ['--address', socket, '--connect-timeout', '1s', 'version']).then(
    () => true,
    () => false,
  );

async function endContainers(ctr: Containerd['ctr']): Promise<void> {
  const lines = (text: string) => text.split('\n').filter((line) => line !== '');
  for (const namespace of lines(await ctr(['namespaces', 'ls', '-q']))) {
    const tasks = lines(await ctr(['tasks', 'ls', '-q'], namespace));
    if (tasks.length > 0) await ctr(['tasks', 'rm', '--force', ...tasks], namespace).catch(() => {});
  }
}

/** Those of a container that was just being made when containerd was killed: nobody knows of them any more. */
function endShims(socket: string): void {
  const read = (path: string) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return ''; // the process has ended
    }
  };
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const shims = pids.filter((pid) => {
    const words = read(`/proc/${pid}/cmdline`).split('\0');
    return words[0]?.endsWith(PROGRAMS.shim) && words.includes(socket);
  });
  for (const shim of shims) {
    const children = read(`/proc/${shim}/task/${shim}/children`).split(' ').filter(Boolean);
    for (const pid of [shim, ...children]) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {} // it has ended
    }
  }
}

function unmountBelow(directory: string): void {
  const mounted = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((target) => target.startsWith(`${directory}/`));
  for (const target of mounted.reverse()) spawnSync(PROGRAMS.unmount, ['--lazy', target]);
}

function output(program: string, args: readonly string[]): Promise<string> {
  return new Promise((done, failed) => {
    execFile(
      program,
      args,
      { timeout: CTR_MS_MAX, maxBuffer: CTR_OUTPUT_BYTES_MAX, encoding: 'utf8' },
      (error, stdout, stderr) => {
        if (error) failed(new Error(`${program} ${args.join(' ')}: ${stderr || error.message}`, { cause: error }));
        else done(stdout);
      },
    );
  });
}

let containers = 0;

export interface RunOptions {
  /** Unique by default: runc keeps its state by id. */
  id?: string;
  namespace?: string;
  /** What runs in it; `true` by default. */
  args?: readonly string[];
  /** Goes on after this returns; else the container runs to its end and is removed. */
  detached?: boolean;
  labels?: Readonly<Record<string, string>>;
  /** More for `ctr run`, such as `--mount`. */
  options?: readonly string[];
}

/** `ctr run`, with what the container wrote. */
export async function runContainer(
  containerd: Containerd,
  options: RunOptions = {},
): Promise<{ id: string; output: string }> {
  const id = options.id ?? `c${process.pid}-${++containers}`;
  const output = await containerd.ctr(
    [
      'run',
      options.detached ? '--detach' : '--rm',
      ...['--snapshotter', containerd.snapshotter, '--runc-root', join(containerd.directory, 'runc')],
      ...Object.entries(options.labels ?? {}).flatMap(([name, value]) => ['--label', `${name}=${value}`]),
      ...(options.options ?? []),
      IMAGE,
      id,
      ...(options.args ?? ['true']),
    ],
    options.namespace,
  );
  return { id, output };
}
