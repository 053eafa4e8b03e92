// Requests and connections of the made-up cluster: who asks from where. Rows of made-cluster.ts, read with it.
import type { Row } from '../../store/store.ts';
import { at, body, container, digest, request, rows } from './made-cluster.ts';

// requests: from the pod's address, with its token through the node, with a forged forwarding header, in another's name
export const TOKEN = {
  username: 'system:serviceaccount:shop:web',
  user_pod_uid: 'p1',
  user_pod_name: 'web-5d4-abc',
  credential_id: 'JTI=1',
  user_agent: 'web/v1',
  user_groups: ['system:serviceaccounts'],
};
export const own = request('09:40:00', 'list', 'secrets', '', { ...TOKEN, source_ips: ['10.1.1.7'] });
export const snat = request('09:41:00', 'list', 'secrets', '', { ...TOKEN, source_ips: ['10.0.0.1'], code: 403 });
export const forged = request('09:42:00', 'list', 'secrets', '', {
  username: 'mallory',
  source_ips: ['10.1.1.7', '203.0.113.9'],
});
request('09:43:00', 'get', 'nodes', 'n1', {
  impersonated_user: 'system:admin',
  impersonated_groups: ['system:masters'],
  credential_id: 'X509SHA256=9',
  user_uid: 'u-alice',
});
request('10:05:00', 'list', 'secrets', '', { ...TOKEN, source_ips: ['203.0.113.9'] });
for (const [n, time] of ['09:39:59.950', '09:35:00'].entries())
  rows['auditd']?.push(
    {
      cluster: 'c',
      node: 'n1',
      time: at('09:30:04.500'),
      serial: 1,
      pid: 7,
      ppid: 1,
      syscall_name: 'execve',
      success: 'yes',
      argv: ['web'],
      exe: '/web',
      comm: 'web',
      digests: [digest()],
      version: 1,
    },
    {
      cluster: 'c',
      node: 'n1',
      time: at(time),
      serial: 10 + n,
      pid: 7,
      ppid: 1,
      syscall_name: 'connect',
      addr_family: 'inet',
      addr: n === 0 ? '10.96.0.1' : '203.0.113.9',
      port: 443,
      exe: '/web',
      comm: 'web',
      digests: [digest()],
      version: 1,
    },
  );
// pods whose address nobody tells: one whose process had just connected when its token came from there, two behind one gateway
const job = (uid: string, ip: string): Row => ({
  username: 'system:serviceaccount:jobs:runner',
  user_pod_uid: uid,
  user_pod_name: `job-${uid}`,
  credential_id: `JTI=${uid}`,
  source_ips: [ip],
  user_agent: 'runner/v1',
});
for (const [n, uid] of ['q1', 'q2', 'q3'].entries()) {
  const ran = { cluster: 'c', node: 'n1', pid: 70 + n, ppid: 1, exe: '/runner', comm: 'runner', version: 1 };
  container(`c-${uid}`, `job-${uid}`, uid, '08:00:00', undefined, { pid: 70 + n, image: 'registry/runner:1' });
  rows['auditd']?.push(
    {
      ...ran,
      time: at('08:00:00.100'),
      serial: 100 + n,
      syscall_name: 'execve',
      success: 'yes',
      argv: ['runner'],
      digests: [digest()],
    },
    {
      ...ran,
      time: at('08:01:59.900'),
      serial: 110 + n,
      syscall_name: 'connect',
      addr_family: 'inet',
      addr: '10.96.0.1',
      port: 443,
      digests: [digest()],
    },
  );
  request('08:02:00', 'list', 'jobs', '', { ...job(uid, n === 0 ? '10.1.1.50' : '10.9.9.9'), namespace: 'jobs' });
}
const borrowed = { username: 'system:serviceaccount:ops:builder', credential_id: 'JTI=b', user_agent: 'curl/8' };
export const fromJob = request('08:03:00', 'list', 'secrets', '', { ...borrowed, source_ips: ['10.1.1.50'] });
export const fromGateway = request('08:03:00', 'list', 'secrets', '', { ...borrowed, source_ips: ['10.9.9.9'] });
request('05:00:00', 'create', 'services', 'kubernetes', {
  namespace: 'default',
  addresses: ['10.96.0.1'],
  username: 'system:apiserver',
  source_ips: ['::1'],
  ...body,
});
