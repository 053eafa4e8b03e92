// Lines of /proc/<pid>/cgroup as distributions and runtimes write them. Ids are changed, forms are not.
import { describe, expect, it } from 'vitest';
import { cgroupPathOf, containerIdOf } from './cgroup-id.ts';

const A = '8d2c6a1b0f9e4d7c5b3a291807f6e5d4c3b2a1908f7e6d5c4b3a29180f7e6d5c';
const B = 'f00dfeed0123456789abcdef0123456789abcdef0123456789abcdef01234567';
const POD = '2c48913c-b29f-11e7-9350-020968147796';
const POD_ = POD.replaceAll('-', '_');

/** The same path in every hierarchy, as v1 has it. */
const v1 = (path: string, ...controllers: string[]) =>
  [...controllers, 'pids', 'memory', 'cpu,cpuacct', 'name=systemd']
    .map((name, i) => `${12 - i}:${name}:${path}\n`)
    .join('');
const v2 = (path: string) => `0::${path}\n`;
const slices = (name: string) => `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD_}.slice/${name}`;

// what, lines, container
const cases: [string, string, string | undefined][] = [
  ['containerd, systemd driver, v2', v2(slices(`cri-containerd-${A}.scope`)), A],
  ['containerd, systemd driver, v1', v1(slices(`cri-containerd-${A}.scope`)), A],
  ['containerd, cgroupfs driver, v2', v2(`/kubepods/burstable/pod${POD}/${A}`), A],
  ['containerd, cgroupfs driver, v1', v1(`/kubepods/besteffort/pod${POD}/${A}`), A],
  ['containerd, guaranteed pod, cgroupfs', v2(`/kubepods/pod${POD}/${A}`), A],
  [
    'containerd without systemd driver under a kubelet with it, v1',
    v1(`/system.slice/containerd.service/kubepods-besteffort-pod${POD_}.slice:cri-containerd:${A}`),
    A,
  ],
  ['the same, v2', v2(`/system.slice/containerd.service/kubepods-burstable-pod${POD_}.slice:cri-containerd:${A}`), A],
  ['K3s, v1', v1(`/kubepods-burstable-pod${POD_}.slice:cri-containerd:${A}`, 'rdma'), A],
  ['containerd with another slice', v2(`/system.slice:cri-containerd:${A}`), A],
  ['CRI-O, runc', v2(slices(`crio-${A}.scope`)), A],
  ['CRI-O, crun', v2(slices(`crio-${A}.scope/container`)), A],
  ['CRI-O, cgroupfs', v1(`/kubepods/burstable/pod${POD}/crio-${A}`), A],
  ['the monitor of CRI-O, in the pod', v2(slices(`crio-conmon-${A}.scope`)), undefined],
  ['the monitor of CRI-O, in the system', v1(`/system.slice/crio-conmon-${A}.scope`), undefined],
  ['Docker, cgroupfs, v1', v1(`/docker/${A}`, 'rdma', 'net_cls,net_prio'), A],
  ['Docker, cgroupfs, v2', v2(`/docker/${A}`), A],
  ['Docker, systemd', v2(`/system.slice/docker-${A}.scope`), A],
  ['Docker, old Debian', v1(`/${A}`), A],
  ['dockershim under the kubelet', v1(slices(`docker-${A}.scope`)), A],
  ['Docker, rootless', v2(`/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${A}.scope`), A],
  ['nerdctl', v2(`/system.slice/nerdctl-${A}.scope`), A],
  ['podman', v2(`/machine.slice/libpod-${A}.scope/container`), A],
  ['podman, v1', v1(`/machine.slice/libpod-${A}.scope`), A],
  ['podman, cgroupfs', v1(`/libpod_parent/libpod-${A}`), A],
  ['podman in a pod', v2(`/machine.slice/machine-libpod_pod_${B}.slice/libpod-${A}.scope/container`), A],
  ['podman, rootless', v2(`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${A}.scope/container`), A],
  ['the monitor of podman', v2(`/machine.slice/libpod-conmon-${A}.scope`), undefined],
  ['Amazon ECS', v1(`/ecs/0a1b2c3d4e5f60718293a4b5c6d7e8f9/${A}`), A],
  ['systemd inside a container', v2(`/docker/${A}/system.slice/sshd.service`), A],
  [
    'a pod in a node of kind',
    v2(`/docker/${B}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${POD_}.slice/cri-containerd-${A}.scope`),
    A,
  ],
  ['a daemon of a node of kind', v2(`/docker/${B}/system.slice/containerd.service`), B],
  ['the monitor of a container in a node of kind', v2(`/docker/${B}/system.slice/crio-conmon-${A}.scope`), B],
  ['Docker in Docker', v1(`/docker/${B}/docker/${A}`), A],
  [
    'Docker in Docker that was not given all controllers',
    `12:devices:/docker/${B}\n11:memory:/docker/${B}/docker/${A}\n1:name=systemd:/docker/${B}\n0::/\n`,
    A,
  ],
  ['hybrid: the unified hierarchy knows nothing', `${v1(slices(`cri-containerd-${A}.scope`))}0::/\n`, A],
  [
    'hybrid: a runtime that uses systemd alone',
    `5:cpuset:/\n1:name=systemd:/system.slice/docker-${A}.scope\n0::/system.slice/docker-${A}.scope\n`,
    A,
  ],
  [
    'seen from within another cgroup namespace',
    v2(`/../../kubelet.slice/kubelet-kubepods.slice/cri-containerd-${A}.scope`),
    A,
  ],
  ['seen from within the same pod', v2(`/../crio-${A}.scope`), A],
  ['whose cgroup was removed', v2(`${slices(`cri-containerd-${A}.scope`)} (deleted)`), A],
  ['a service', v2('/system.slice/ssh.service'), undefined],
  [
    'a session',
    `${v1('/user.slice/user-1000.slice/session-3.scope')}0::/user.slice/user-1000.slice/session-3.scope\n`,
    undefined,
  ],
  ['the kubelet', v1('/system.slice/kubelet.service'), undefined],
  ['a pod’s slice alone', v2(slices('')), undefined],
  ['a machine without systemd', v1('/'), undefined],
  ['a kernel thread', v2('/'), undefined],
  ['a mount unit of a container', v2(`/system.slice/run-docker-${A}.mount`), undefined],
  ['hex of another length', v2(`/docker/${A}0`), undefined],
  ['hex of another length below', v2(`/process_api/${A.slice(32)}`), undefined],
  ['upper case is no id', v2(`/docker/${A.toUpperCase()}`), undefined],
  ['nothing', '', undefined],
  ['what is no line of it', 'no colon at all\n:\n::\n', undefined],
];

describe('the container in lines of /proc/<pid>/cgroup', () => {
  it.each(cases)('%s', (_, lines, id) => {
    expect(containerIdOf(lines)).toBe(id);
    expect(containerIdOf(lines.trimEnd())).toBe(id);
  });

  it('a path names what no runtime named', () => {
    expect(cgroupPathOf(v2('/default/web'))).toBe('/default/web');
    expect(cgroupPathOf(v1('/default/web'))).toBe('/default/web');
    expect(cgroupPathOf(`${v1('/default/web')}0::/\n`)).toBe('/default/web');
    expect(cgroupPathOf(`${v1('/')}0::/default/web\n`)).toBe('/default/web');
    expect(cgroupPathOf('')).toBe('');
  });
});
