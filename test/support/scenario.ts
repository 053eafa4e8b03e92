// A small made-up cluster in log lines: enough of each record for the decoders, in the shapes of the recordings. Times are seconds
// after the start. For routes that no recording holds; what a record looks like is told by the recordings.
const START_MS = Date.parse('2026-05-01T10:00:00Z');
const NODE = 'worker-1';

const rfc = (s: number) => new Date(START_MS + Math.round(s * 1000)).toISOString().replace('Z', '000Z');

export interface Scenario {
  /** An API request at its last stage; `more` overrides fields of the event. */
  request(s: number, verb: string, ref: Record<string, string>, more?: Record<string, unknown>): string;
  /** A pod with one container and its first process; returns the container's id. */
  pod(
    s: number,
    pod: {
      uid: string;
      name: string;
      pid: number;
      command: string[];
      namespace?: string;
      ip?: string;
      mounts?: [string, string][];
      hostNetwork?: boolean;
    },
  ): string;
  /** A container as the runtime alone knows it. */
  container(
    s: number,
    id: string,
    pid: number,
    labels: Record<string, string>,
    mounts?: [string, string][],
    runtimeNamespace?: string,
  ): void;
  exec(s: number, pid: number, ppid: number, argv: string[], exe?: string): void;
  /** connect() or accept() with an address and port, or a socket's path. */
  connect(s: number, pid: number, ppid: number, exe: string, to: string): void;
  accept(s: number, pid: number, ppid: number, exe: string, from: string): void;
  writes(s: number, pid: number, ppid: number, exe: string, path: string): void;
  files(): {
    'k8s-audit.log': string;
    'audit.log': string;
    'containerd-events.log': string;
    'containers.jsonl': string;
  };
}

export function createScenario(): Scenario {
  const k8s: string[] = [];
  const auditd: string[] = [];
  const events: string[] = [];
  const documents: string[] = [];
  let serial = 100;
  let requests = 0;

  const header = (s: number) => `audit(${((START_MS + Math.round(s * 1000)) / 1000).toFixed(3)}:${++serial})`;
  const syscall = (msg: string, n: number, pid: number, ppid: number, exe: string, rest = 'a0=3 a1=7ffd a2=10 a3=0') =>
    `type=SYSCALL msg=${msg}: arch=c000003e syscall=${n} success=yes exit=0 ${rest} items=1 ppid=${ppid} pid=${pid} auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm="${exe.split('/').at(-1)}" exe="${exe}" key=(null)`;
  const title = (msg: string) => `type=PROCTITLE msg=${msg}: proctitle=2F62696E2F7368`;
  const sockaddr = (to: string) => {
    if (to.startsWith('/')) return `0100${Buffer.from(to).toString('hex')}00`;
    const [address = '', port = ''] = to.split(':');
    const bytes = [...address.split('.')].map((b) => Number(b).toString(16).padStart(2, '0')).join('');
    return `0200${Number(port).toString(16).padStart(4, '0')}${bytes}0000000000000000`;
  };
  const socketCall = (n: number) => (s: number, pid: number, ppid: number, exe: string, address: string) => {
    const msg = header(s);
    auditd.push(
      syscall(msg, n, pid, ppid, exe),
      `type=SOCKADDR msg=${msg}: saddr=${sockaddr(address).toUpperCase()}`,
      title(msg),
    );
  };

  const scenario: Scenario = {
    request: (s, verb, ref, more = {}) => {
      const auditID = `00000000-0000-4000-8000-${String(++requests).padStart(12, '0')}`;
      k8s.push(
        JSON.stringify({
          kind: 'Event',
          apiVersion: 'audit.k8s.io/v1',
          level: 'RequestResponse',
          auditID,
          stage: 'ResponseComplete',
          requestURI: '/api/v1',
          verb,
          user: { username: 'alice', groups: ['system:authenticated'] },
          sourceIPs: ['198.51.100.7'],
          userAgent: 'kubectl/v1.34',
          objectRef: ref,
          responseStatus: { metadata: {}, code: 200 },
          requestReceivedTimestamp: rfc(s),
          stageTimestamp: rfc(s + 0.002),
          ...more,
        }),
      );
      return auditID;
    },
    pod: (s, { uid, name, pid, command, namespace = 'shop', ip, mounts, hostNetwork }) => {
      const id = uid.replaceAll('-', '').padEnd(64, 'c');
      const metadata = { name, namespace, uid };
      const status = { podIP: ip ?? '' };
      scenario.request(
        s,
        'patch',
        { resource: 'pods', subresource: 'status', namespace, name },
        {
          user: { username: `system:node:${NODE}`, groups: ['system:nodes'] },
          sourceIPs: ['10.0.0.1'],
          userAgent: 'kubelet/v1.34',
          responseObject: {
            kind: 'Pod',
            metadata,
            spec: { nodeName: NODE, hostNetwork: hostNetwork ?? false, containers: [] },
            status,
          },
        },
      );
      const labels = {
        'io.kubernetes.pod.name': name,
        'io.kubernetes.pod.namespace': namespace,
        'io.kubernetes.pod.uid': uid,
        'io.kubernetes.container.name': name,
        'io.cri-containerd.kind': 'container',
      };
      scenario.container(s, id, pid, labels, mounts);
      scenario.exec(s, pid, 1, command);
      return id;
    },
    container: (s, id, pid, labels, mounts = [], runtimeNamespace = 'k8s.io') => {
      const event = (at: number, topic: string, body: object) =>
        events.push(
          `${rfc(at).replace('T', ' ').replace('Z', '')} +0000 UTC ${runtimeNamespace} ${topic} ${JSON.stringify(body)}`,
        );
      event(s - 0.01, '/containers/create', { id, image: 'example/app:1', runtime: { name: 'io.containerd.runc.v2' } });
      event(s + 0.005, '/tasks/start', { container_id: id, pid });
      const binds = mounts.map(([source, destination]) => ({
        source,
        destination,
        type: 'bind',
        options: ['rbind', 'rw'],
      }));
      documents.push(
        JSON.stringify({
          observedAt: rfc(s),
          namespace: runtimeNamespace,
          id,
          info: {
            ID: id,
            Labels: labels,
            Image: 'example/app:1',
            CreatedAt: rfc(s - 0.01),
            Spec: { process: { args: ['app'] }, mounts: binds },
          },
        }),
      );
    },
    exec: (s, pid, ppid, argv, exe = argv[0]?.startsWith('/') ? argv[0] : `/bin/${argv[0]}`) => {
      const msg = header(s);
      const args = argv.map((a, i) => `a${i}=${Buffer.from(a).toString('hex').toUpperCase()}`).join(' ');
      auditd.push(syscall(msg, 59, pid, ppid, exe), `type=EXECVE msg=${msg}: argc=${argv.length} ${args}`, title(msg));
    },
    connect: socketCall(42),
    accept: socketCall(288),
    writes: (s, pid, ppid, exe, path) => {
      const msg = header(s);
      auditd.push(
        syscall(msg, 257, pid, ppid, exe, 'a0=ffffff9c a1=7ffd a2=241 a3=1b6'),
        `type=CWD msg=${msg}: cwd="/"`,
        `type=PATH msg=${msg}: item=0 name="${path}" inode=7 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=CREATE cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0`,
        title(msg),
      );
    },
    files: () => ({
      'k8s-audit.log': lines(k8s),
      'audit.log': lines(auditd),
      'containerd-events.log': lines(events),
      'containers.jsonl': lines(documents),
    }),
  };
  return scenario;
}

const lines = (all: readonly string[]) => all.map((l) => `${l}\n`).join('');
