// The container a process is in, by its lines of /proc/<pid>/cgroup: `hierarchy:controllers:path`, one line in cgroup v2 (0::/...), a dozen in
// v1, both in hybrid. Runtimes name the last directory for the container:
//   containerd, systemd driver   /kubepods.slice/.../kubepods-burstable-pod<uid>.slice/cri-containerd-<id>.scope
//   containerd, drivers differ   /system.slice/containerd.service/kubepods-besteffort-pod<uid>.slice:cri-containerd:<id>
//   cgroupfs driver              /kubepods/burstable/pod<uid>/<id>
//   CRI-O                        .../crio-<id>.scope, crun's .../crio-<id>.scope/container
//   Docker                       /docker/<id>, /system.slice/docker-<id>.scope
//   podman                       /machine.slice/libpod-<id>.scope/container
// Within a container directories go on (systemd in it, kind, Docker in Docker): the innermost container is the one.

// An id is 64 hex digits; before it stands nothing, or the runtime's name with `-` or `:`.
const ID = /(?:^|[-:])([0-9a-f]{64})(?:\.scope)?$/;
const ID_LENGTH = 64;
// The runtimes' monitor of a container runs on the host, in a cgroup named for the container.
const MONITOR = /(?:^|-)conmon-/;
const DELETED = / \(deleted\)$/;

/** The 64 hex digits, or undefined where the lines name no container. */
export function containerIdOf(cgroup: string): string | undefined {
  let found: { id: string; depth: number } | undefined;
  let before = '';
  for (const line of cgroup.split('\n')) {
    const path = pathOf(line);
    if (path === before || path.length < ID_LENGTH) continue;
    before = path;
    // hierarchies differ where an inner container was not given them all: the deepest knows the most
    const inner = innermost(path);
    if (inner && inner.depth > (found?.depth ?? 0)) found = inner;
  }
  return found?.id;
}

/** The path of the unified hierarchy, else of the first one. */
export function cgroupPathOf(cgroup: string): string {
  const lines = cgroup.split('\n');
  return pathOf(lines.find((line) => line.startsWith('0::') && line.length > '0::/'.length) ?? lines[0] ?? '');
}

const pathOf = (line: string): string => line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1).replace(DELETED, '');

function innermost(path: string): { id: string; depth: number } | undefined {
  let id: string | undefined;
  let depth = 0;
  for (const name of path.split('/')) {
    if (name.length < ID_LENGTH || MONITOR.test(name)) continue;
    const match = ID.exec(name)?.[1];
    if (match === undefined) continue;
    id = match;
    depth++;
  }
  return id === undefined ? undefined : { id, depth };
}
