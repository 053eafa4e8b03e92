// Routes an intruder may take that no recording holds, each from log lines to the chain. One rule points at one command line
// ("evil-marker"); everything else in the chain is there because growth followed the route, or must not be.
import { describe, expect, test } from 'vitest';
import { chainsOf, coreIds, linksOf } from '../support/route.ts';

const web = {
  uid: '11111111-0000-4000-8000-000000000001',
  name: 'web',
  pid: 100,
  command: ['/usr/sbin/httpd'],
  ip: '10.244.0.5',
};

describe.concurrent('an intruder', () => {
  test('in a pod is followed from a service child to its children, not to the service and its other children', async () => {
    const [chain, ...others] = await chainsOf((s) => {
      s.pod(0, web);
      s.accept(5, 100, 1, '/usr/sbin/httpd', '10.244.0.1:4000');
      s.exec(20, 200, 100, ['sh', '-c', 'evil-marker; id']);
      s.exec(20.1, 201, 200, ['id']);
      s.exec(30, 300, 100, ['sh', '-c', 'ping 127.0.0.1']);
    });
    expect(others).toEqual([]);
    expect(chain?.entities.map((e) => e.name)).toEqual(['200 sh -c evil-marker; id', '201 id']);
  });

  test('who has a token issued is followed to what the token is used for, wherever from', async () => {
    let used = '';
    let older = '';
    const [chain] = await chainsOf((s) => {
      s.pod(0, web);
      s.accept(5, 100, 1, '/usr/sbin/httpd', '10.244.0.1:4000');
      s.exec(20, 200, 100, ['kubectl', 'create', 'token', 'evil-marker']);
      s.connect(20.1, 200, 100, '/bin/kubectl', '10.96.0.1:443');
      s.request(
        20.2,
        'create',
        { resource: 'serviceaccounts', subresource: 'token', namespace: 'shop', name: 'admin' },
        {
          sourceIPs: ['10.244.0.5'],
          responseStatus: { code: 201 },
          annotations: { 'authentication.kubernetes.io/issued-credential-id': 'JTI=abc' },
        },
      );
      const admin = {
        username: 'system:serviceaccount:shop:admin',
        extra: { 'authentication.kubernetes.io/credential-id': ['JTI=abc'] },
      };
      older = s.request(
        10,
        'list',
        { resource: 'secrets' },
        {
          user: { ...admin, extra: { 'authentication.kubernetes.io/credential-id': ['JTI=other'] } },
          sourceIPs: ['10.9.9.9'],
        },
      );
      used = s.request(60, 'list', { resource: 'secrets' }, { user: admin, sourceIPs: ['10.9.9.9'] });
    });
    expect(linksOf(chain, 'token-used')).toHaveLength(1);
    expect(coreIds(chain)).toContain(used);
    expect(coreIds(chain)).not.toContain(older);
  });

  test("who reads a pod's bound token is followed to its use from elsewhere, not to the pod's own use", async () => {
    let stolen = '';
    let own = '';
    const [chain] = await chainsOf((s) => {
      s.pod(0, web);
      s.accept(5, 100, 1, '/usr/sbin/httpd', '10.244.0.1:4000');
      s.exec(20, 200, 100, ['cat', '/var/run/secrets/evil-marker']);
      const user = {
        username: 'system:serviceaccount:shop:web',
        extra: { 'authentication.kubernetes.io/pod-name': ['web'], 'authentication.kubernetes.io/pod-uid': [web.uid] },
      };
      own = s.request(
        30,
        'get',
        { resource: 'configmaps', namespace: 'shop', name: 'web' },
        { user, sourceIPs: ['10.244.0.5'] },
      );
      stolen = s.request(40, 'list', { resource: 'secrets', namespace: 'shop' }, { user, sourceIPs: ['10.77.0.3'] });
    });
    expect(coreIds(chain)).toContain(stolen);
    expect(coreIds(chain)).not.toContain(own);
  });

  test('who changes a deployment owns the pods made after it, not those before', async () => {
    const deployment = '22222222-0000-4000-8000-000000000000';
    const rs = (n: number) => `22222222-0000-4000-8000-00000000000${n}`;
    const pod = (n: number) => ({
      uid: `33333333-0000-4000-8000-00000000000${n}`,
      name: `api-${n}`,
      pid: 500 + n,
      command: ['sleep', String(n)],
    });
    const owned = (uid: string, name: string, owner: string) => ({
      responseStatus: { code: 201 },
      user: { username: 'system:serviceaccount:kube-system:deployment-controller' },
      sourceIPs: ['10.0.0.1'],
      userAgent: 'kube-controller-manager/v1',
      responseObject: {
        kind: 'X',
        metadata: {
          name,
          namespace: 'shop',
          uid,
          ownerReferences: [{ kind: 'O', name: 'o', uid: owner, controller: true }],
        },
      },
    });
    const [chain] = await chainsOf((s) => {
      s.request(
        1,
        'create',
        { resource: 'replicasets', namespace: 'shop', name: 'rs-1' },
        owned(rs(1), 'rs-1', deployment),
      );
      s.request(2, 'create', { resource: 'pods', namespace: 'shop', name: 'api-1' }, owned(pod(1).uid, 'api-1', rs(1)));
      s.pod(3, pod(1));
      s.pod(4, web);
      s.accept(5, 100, 1, '/usr/sbin/httpd', '10.244.0.1:4000');
      s.exec(20, 200, 100, ['kubectl', 'patch', 'evil-marker']);
      s.connect(20.1, 200, 100, '/bin/kubectl', '10.96.0.1:443');
      s.request(
        20.2,
        'patch',
        { resource: 'deployments', namespace: 'shop', name: 'api' },
        {
          sourceIPs: ['10.244.0.5'],
          responseObject: { kind: 'Deployment', metadata: { name: 'api', namespace: 'shop', uid: deployment } },
        },
      );
      s.request(
        21,
        'create',
        { resource: 'replicasets', namespace: 'shop', name: 'rs-2' },
        owned(rs(2), 'rs-2', deployment),
      );
      s.request(
        22,
        'create',
        { resource: 'pods', namespace: 'shop', name: 'api-2' },
        owned(pod(2).uid, 'api-2', rs(2)),
      );
      s.pod(23, pod(2));
    });
    const names = chain?.entities.map((e) => e.name) ?? [];
    expect(names).toContain('502 sleep 2');
    expect(names).not.toContain('501 sleep 1');
  });

  test('who speaks to the runtime itself is followed into the container that came of it', async () => {
    const [chain] = await chainsOf((s) => {
      s.pod(0, web);
      s.accept(5, 100, 1, '/usr/sbin/httpd', '10.244.0.1:4000');
      s.exec(20, 200, 100, ['ctr', 'run', 'evil-marker']);
      s.connect(20.1, 200, 100, '/bin/ctr', '/run/containerd/containerd.sock');
      s.container(21, 'backdoor', 700, {}, [['/', '/host']], 'default');
      s.exec(21, 700, 1, ['sh', '-c', 'sleep 999']);
      s.pod(22, { uid: '44444444-0000-4000-8000-000000000001', name: 'bystander', pid: 800, command: ['sleep', '1'] });
    });
    expect(linksOf(chain, 'created')).toEqual(['200 ctr run evil-marker -> backdoor of no pod']);
    const names = chain?.entities.map((e) => e.name) ?? [];
    expect(names).toContain('700 sh -c sleep 999');
    expect(names).not.toContain('800 sleep 1');
  });

  test('who plants a manifest on the node is followed into the static pod', async () => {
    const [chain] = await chainsOf((s) => {
      s.pod(0, { ...web, mounts: [['/', '/host']] });
      s.accept(5, 100, 1, '/usr/sbin/httpd', '10.244.0.1:4000');
      s.exec(20, 200, 100, ['sh', '-c', 'evil-marker > /host/etc/kubernetes/manifests/x.yaml']);
      s.writes(20.1, 200, 100, '/bin/sh', '/host/etc/kubernetes/manifests/x.yaml');
      s.container(40, 'static1', 700, {
        'io.kubernetes.pod.name': 'x-worker-1',
        'io.kubernetes.pod.namespace': 'kube-system',
        'io.kubernetes.pod.uid': '0123456789abcdef0123456789abcdef',
        'io.kubernetes.container.name': 'x',
      });
      s.exec(40, 700, 1, ['nc', '-l', '99']);
    });
    expect(linksOf(chain, 'created')).toEqual([
      '200 sh -c evil-marker > /host/etc/kubernetes/manifests/x.yaml -> kube-system/x-worker-1/x',
    ]);
    expect(chain?.entities.map((e) => e.name)).toContain('700 nc -l 99');
  });

  test("on the node with a stolen kubeconfig is followed by the program's name, not into the kubelet's requests", async () => {
    let stolen = '';
    let kubelet = '';
    const [chain] = await chainsOf((s) => {
      s.pod(0, {
        uid: '55555555-0000-4000-8000-000000000001',
        name: 'proxy',
        pid: 90,
        command: ['proxy'],
        ip: '10.0.0.1',
        hostNetwork: true,
        namespace: 'kube-system',
      });
      s.exec(1, 60, 50, ['kubelet'], '/usr/bin/kubelet');
      s.connect(2, 60, 50, '/usr/bin/kubelet', '10.0.0.1:6443');
      s.exec(20, 200, 150, ['sh', '-c', 'evil-marker']);
      s.exec(
        21,
        201,
        200,
        ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf', 'get', 'secrets'],
        '/usr/bin/kubectl',
      );
      s.connect(21.1, 201, 200, '/usr/bin/kubectl', '10.0.0.1:6443');
      const at = { sourceIPs: ['10.0.0.1'] };
      stolen = s.request(21.2, 'list', { resource: 'secrets' }, { ...at, user: { username: 'kubernetes-admin' } });
      kubelet = s.request(
        21.3,
        'get',
        { resource: 'nodes', name: 'worker-1' },
        { ...at, userAgent: 'kubelet/v1.34', user: { username: 'system:node:worker-1' } },
      );
    });
    expect(coreIds(chain)).toContain(stolen);
    expect(coreIds(chain)).not.toContain(kubelet);
  });

  test('is followed into another pod whose service ran something wrong on the connection, not into those it only touched', async () => {
    const [chain, ...others] = await chainsOf((s) => {
      s.pod(0, web);
      s.pod(1, {
        uid: '77777777-0000-4000-8000-000000000001',
        name: 'api',
        pid: 610,
        command: ['/usr/sbin/httpd'],
        ip: '10.244.0.8',
      });
      s.pod(2, {
        uid: '77777777-0000-4000-8000-000000000002',
        name: 'shop',
        pid: 620,
        command: ['/usr/sbin/httpd'],
        ip: '10.244.0.9',
      });
      for (const pid of [100, 610, 620]) s.accept(5, pid, 1, '/usr/sbin/httpd', '10.244.0.1:4000');
      s.exec(20, 200, 100, ['sh', '-c', 'evil-marker first']);
      s.exec(30, 201, 200, ['curl', 'http://10.244.0.8:8080/?x=;evil-marker']);
      s.connect(30.01, 201, 200, '/bin/curl', '10.244.0.8:8080');
      s.exec(30.03, 611, 610, ['sh', '-c', 'ping;evil-marker second']);
      s.exec(40, 202, 200, ['curl', 'http://10.244.0.9:8080/']);
      s.connect(40.01, 202, 200, '/bin/curl', '10.244.0.9:8080');
      s.exec(40.03, 621, 620, ['sh', '-c', 'ping 127.0.0.1']);
    });
    expect(others).toEqual([]);
    expect(linksOf(chain, 'connected')).toEqual([
      '201 curl http://10.244.0.8:8080/?x=;evil-marker -> 611 sh -c ping;evil-marker second',
    ]);
    expect(chain?.entities.map((e) => e.name)).not.toContain('621 sh -c ping 127.0.0.1');
  });

  test('who adds an ephemeral container is followed into it', async () => {
    const victim = {
      uid: '66666666-0000-4000-8000-000000000001',
      name: 'db',
      pid: 600,
      command: ['postgres'],
      ip: '10.244.0.9',
    };
    const [chain] = await chainsOf((s) => {
      s.pod(0, web);
      s.pod(1, victim);
      s.accept(5, 100, 1, '/usr/sbin/httpd', '10.244.0.1:4000');
      s.exec(20, 200, 100, ['kubectl', 'debug', 'evil-marker']);
      s.connect(20.1, 200, 100, '/bin/kubectl', '10.96.0.1:443');
      s.request(
        20.2,
        'patch',
        { resource: 'pods', subresource: 'ephemeralcontainers', namespace: 'shop', name: 'db' },
        {
          sourceIPs: ['10.244.0.5'],
          responseObject: { kind: 'Pod', metadata: { name: 'db', namespace: 'shop', uid: victim.uid } },
        },
      );
      s.container(22, 'debugger', 700, {
        'io.kubernetes.pod.name': 'db',
        'io.kubernetes.pod.namespace': 'shop',
        'io.kubernetes.pod.uid': victim.uid,
        'io.kubernetes.container.name': 'debugger',
        'io.cri-containerd.kind': 'container',
      });
      s.exec(22, 700, 1, ['sh', '-i']);
    });
    const names = chain?.entities.map((e) => e.name) ?? [];
    expect(names).toContain('700 sh -i');
    expect(names).not.toContain('600 postgres');
  });
});
