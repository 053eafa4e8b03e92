// product: kubernetes, service: runtime. Events of a container runtime and its container documents. Vestige's own log
// source: Sigma has none. Fields have the names of table `runtime`.
import type { Field } from '../compile/compile.ts';
import { OWN_MOUNT } from './lineage.ts';
import { flag, many, number, one, type Source } from './source.ts';

const fields: Record<string, Field> = {
  topic: one('topic'),
  runtime_namespace: one('runtime_namespace'),
  container_id: one('container_id'),
  container_name: one('container_name'),
  kind: one('kind'),
  image: one('image'),
  pod: one('pod'),
  namespace: one('namespace'),
  args: one("arrayStringConcat(args, ' ')"),
  privileged: flag('privileged'),
  capabilities: many('capabilities'),
  namespaces: many('namespaces'),
  env_names: many('env_names'),
  mount_sources: many('mount_sources'),
  mount_targets: many('mount_targets'),
  exit_status: number('exit_status'),
};

export const runtime: Source = {
  name: 'container runtime',
  layer: 'runtime',
  accepts: ({ product, service, category }) =>
    (product === undefined || product === 'kubernetes') &&
    (service === 'runtime' || (service === undefined && category === 'container_runtime')),
  constraint: () => undefined,
  field: (name) =>
    name === undefined
      ? one("concat(topic, ' ', image, ' ', arrayStringConcat(args, ' '), ' ', arrayStringConcat(mount_sources, ' '))")
      : fields[name],
  rows: ({ within = '1' }) => ({
    columns: `
    cluster, node, time, pod_uid, container_id, pod_name AS pod, pod_namespace AS namespace,
    concat(toString(time), '/', topic, '/', container_id, if(exec_id = '', '', concat('/', exec_id))) AS event_key,
    event_key AS event_id,
    [digest] AS digests,
    '' AS process_key,
    '' AS principal,
    map('topic', topic, 'container', multiIf(container_name != '', container_name, kind = 'sandbox', 'sandbox', substring(container_id, 1, 12)), 'image', image, 'argv', arrayStringConcat(args, ' '), 'node', node,
        'runtime_namespace', runtime_namespace, 'mounts', arrayStringConcat(arrayFilter(s -> NOT (${OWN_MOUNT}), mount_sources), ', '), 'id', substring(container_id, 1, 12),
        'pod', if(pod_name = '', '', concat(pod_namespace, '/', pod_name)),
        'place', if(pod_name = '', concat('on node ', node), concat('in pod ', pod_namespace, '/', pod_name))) AS words`,
    from: `(SELECT * FROM runtime FINAL WHERE ${within}) AS r`,
  }),
};
