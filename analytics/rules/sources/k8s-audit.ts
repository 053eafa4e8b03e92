// product: kubernetes, service: audit. One row an auditID, at the latest stage known. Fields have the names of the event
// (https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/); those with a column come from it, any other
// path is read from the bytes. Also the names that public rules use though native events do not have them.
import { auditEvents } from '../../decode/decode.ts';
import { isOutside } from '../../networks.ts';
import { sqlString } from '../../store/store.ts';
import type { Field, Sighted } from '../compile/compile.ts';
import type { FieldTest } from '../language/expression.ts';
import { plainText } from '../language/pattern.ts';
import { writableHostPaths } from './host-mounts.ts';
import { jsonField } from './json-path.ts';
import rowsSql from './k8s-audit.sql';
import { few, flag, many, ofFew, one, type Source } from './source.ts';

const TOP_LEVEL = new Set(
  `kind apiVersion level auditID stage requestURI verb user impersonatedUser sourceIPs userAgent objectRef responseStatus
   requestObject responseObject requestReceivedTimestamp stageTimestamp annotations authenticationMetadata`.split(
    /\s+/,
  ),
);

const columns: Record<string, Field> = {
  level: few('level'),
  auditID: one('audit_id'),
  stage: few('stage'),
  requestURI: one('request_uri'),
  verb: few('verb'),
  'user.username': few('username'),
  'user.uid': one('user_uid'),
  'user.groups': ofFew(many('user_groups')),
  'impersonatedUser.username': few('impersonated_user'),
  'impersonatedUser.groups': ofFew(many('impersonated_groups')),
  sourceIPs: many('source_ips'),
  userAgent: few('user_agent'),
  'objectRef.resource': few('resource'),
  'objectRef.subresource': few('subresource'),
  'objectRef.apiGroup': few('api_group'),
  'objectRef.apiVersion': few('api_version'),
  'objectRef.namespace': few('namespace'),
  'objectRef.name': one('name'),
  'responseStatus.code': ofFew(many("arrayFilter(c -> c NOT IN ('0', ''), [toString(code), upper(decision)])")),
  'responseStatus.reason': few('status_reason'),
};

interface Alias {
  readonly field: Field;
  readonly meaning: string;
  /** The name is a native one, but rules also write values that no native event has: those that are no numbers. */
  readonly words?: true;
}

/** Names of public rules that no native event has, what stands for them, and how that is said. */
const aliases: Record<string, Alias> = {
  hostPath: { field: many('host_paths'), meaning: 'host paths of the volumes' },
  capabilities: { field: ofFew(many('capabilities_added')), meaning: 'capabilities added to any container' },
  privileged: { field: ofFew(flag('privileged')), meaning: 'whether any container is privileged' },
  hostNetwork: { field: ofFew(flag('host_network')), meaning: 'hostNetwork of the pod' },
  hostPID: { field: ofFew(flag('host_pid')), meaning: 'hostPID of the pod' },
  hostIPC: { field: ofFew(flag('host_ipc')), meaning: 'hostIPC of the pod' },
  apiGroup: { field: few('api_group'), meaning: 'objectRef.apiGroup' },
  resource: { field: few('resource'), meaning: 'objectRef.resource' },
  namespace: { field: few('namespace'), meaning: 'objectRef.namespace' },
  username: { field: few('username'), meaning: 'user.username' },
  'responseStatus.code': {
    field: ofFew(many("if(decision = '', [], [upper(decision)])")),
    meaning: 'the decision of the authorizer, ALLOW or FORBID',
    words: true,
  },
};

function isAliased({ field: name, match }: FieldTest): boolean {
  const alias = aliases[name ?? ''];
  if (!alias?.words) return alias !== undefined;
  const text = match.kind === 'pattern' ? plainText(match.pattern) : undefined;
  return text !== undefined && text !== '' && !/^\d+$/.test(text);
}

// The control plane's own controllers have accounts in kube-system; what people put there, and the administrator of k3s and
// OpenShift, are not of it.
const principalKind = `multiIf(username = 'system:anonymous', 'anonymous',
    username = 'system:admin', 'user',
    match(username, '^system:serviceaccount:kube-system:(default|tiller|.*(admin|dashboard).*)$'), 'service-account',
    startsWith(username, 'system:serviceaccount:kube-system:'), 'system',
    startsWith(username, 'system:serviceaccount:'), 'service-account',
    startsWith(username, 'system:'), 'system', 'user')`;

const own: Record<string, Field> = {
  'vestige.principal_kind': few(principalKind),
  'vestige.command': one("arrayStringConcat(exec_command, ' ')"),
  'vestige.commands': many('commands'),
  'vestige.images': many('images'),
  'vestige.host_paths': many('host_paths'),
  'vestige.privileged': ofFew(flag('privileged')),
  'vestige.host_pid': ofFew(flag('host_pid')),
  'vestige.host_network': ofFew(flag('host_network')),
  'vestige.host_ipc': ofFew(flag('host_ipc')),
  'vestige.writable_host_paths': writableHostPaths('raw'),
  'vestige.capabilities': ofFew(many('capabilities_added')),
  'vestige.role_kind': few('role_kind'),
  'vestige.role_name': one('role_name'),
  'vestige.subjects': many('subjects'),
  // as they call: a service account by its long name
  'vestige.subject_users': many(
    "arrayMap(s -> if(startsWith(s, 'ServiceAccount:'), concat('system:serviceaccount:', substring(s, 16)), extract(s, '^[^:]*:[^:]*:(.*)$')), subjects)",
  ),
  'vestige.service_account': one('service_account'),
  'vestige.owner_kind': few('owner_kind'),
  'vestige.oversized': ofFew(flag('oversized')),
  'vestige.body': few('body'),
  'vestige.exec_streams': many('exec_streams'),
  'vestige.image_digests': many('image_digests'),
  'vestige.token_audiences': many('token_audiences'),
  'vestige.token_bound_to': one('token_bound_to'),
  'vestige.token_seconds': one("if(token_expiration_seconds = 0, '', toString(token_expiration_seconds))"),
  'vestige.webhook_targets': many('webhook_targets'),
  'vestige.token_pod': one('user_pod_name'),
  'vestige.forwarded': flag('length(source_ips) > 1'),
  'vestige.source': one('source_kind', 'addresses'),
  'vestige.outside': flag(isOutside('source_ips[1]')),
  'vestige.foreign_token': flag('foreign_token', 'token'),
  'vestige.new_address': flag('address_new', 'principal'),
  'vestige.first_from_address': flag('address_first', 'principal'),
  'vestige.first_with_agent': flag('agent_first', 'agents'),
  'vestige.new_registry_images': many('new_registry_images', 'registries'),
  'vestige.lookalike_images': many('lookalike_images', 'images'),
  'vestige.target_privileged': flag('target_privileged', 'target'),
  'vestige.target_host_paths': many('target_host_paths', 'target'),
};

function field(name: string | undefined): Field | undefined {
  if (name === undefined) return { ...one('raw'), from: 'raw' };
  const own_ = own[name];
  if (own_ || name.startsWith('vestige.')) return own_;
  const column = columns[name];
  if (column) {
    const { present, isNull } = jsonField('raw', name);
    return { ...column, present, isNull };
  }
  const alias = aliases[name];
  if (alias) return alias.field;
  if (name.startsWith('annotations.')) {
    const key = sqlString(name.slice('annotations.'.length));
    return { ...one(`annotations[${key}]`), present: { sql: `mapContains(annotations, ${key})`, from: 'columns' } };
  }
  return TOP_LEVEL.has(name.split('.')[0] ?? '') ? jsonField('raw', name) : undefined;
}

/** What native events do not have: an alias, or what Vestige itself makes of an event. `adds` values to a field they have. */
export function madeField(name: string): { field: Field; adds: boolean } | undefined {
  const field = own[name] ?? aliases[name]?.field;
  return field && { field, adds: aliases[name]?.words === true };
}

const FEW =
  `level stage verb username user_groups impersonated_user impersonated_groups user_agent resource subresource api_group api_version namespace
  code decision status_reason capabilities_added privileged host_network host_pid host_ipc role_kind owner_kind body oversized`.split(
    /\s+/,
  );

/** What an event tells of what is joined (k8s-audit.sql). */
const onlyWhere = (sql: string): Sighted => ({ fields: [flag(sql), few("'false'")], whole: false });
const HAS_IMAGES: Sighted = { fields: [], whole: false, onlyIf: 'notEmpty(images)' };
const OF_KNOWN_HOME =
  "source_ips[1] NOT IN ('', '127.0.0.1', '::1') AND username != 'system:anonymous' AND NOT startsWith(username, 'system:node:')";
const SEEN_OF_JOINED: Readonly<Record<string, Sighted>> = {
  'vestige.foreign_token': onlyWhere("user_pod_uid != '' AND notEmpty(source_ips)"),
  'vestige.new_address': onlyWhere(OF_KNOWN_HOME),
  'vestige.first_from_address': onlyWhere(OF_KNOWN_HOME),
  'vestige.first_with_agent': onlyWhere(
    "user_agent != '' AND NOT startsWith(username, 'system:serviceaccount:kube-system:')",
  ),
  'vestige.new_registry_images': HAS_IMAGES,
  'vestige.lookalike_images': HAS_IMAGES,
  'vestige.target_privileged': onlyWhere("resource = 'pods'"),
  'vestige.target_host_paths': { fields: [], whole: false, onlyIf: "resource = 'pods'" },
};

const joined: Record<string, string[]> = {};
for (const { sql, join } of Object.values(own)) if (join !== undefined) joined[join] = [...(joined[join] ?? []), sql];

const eventsOfCandidates = auditEvents(
  `SELECT cluster, format, raw, digest, loader, seq FROM records_all
   WHERE source = 'k8s-audit' AND (cluster, digest) IN (SELECT cluster, digest FROM k8s_audit WHERE audit_id IN (candidate_keys))`,
);

// as the container runtimes read names: what has no host is Docker Hub's
const REGISTRY_OF_IMAGE =
  "if(position(image, '/') > 0 AND (match(splitByChar('/', image)[1], '[.:]') OR splitByChar('/', image)[1] = 'localhost'), splitByChar('/', image)[1], 'docker.io')";

const block = (name: string) => new RegExp(`-- with ${name}\\n([\\s\\S]*?)-- end\\n`, 'g');

export const k8sAudit: Source = {
  name: 'kubernetes audit',
  layer: 'k8s-audit',
  accepts: ({ product, service, category }) =>
    product === 'kubernetes' &&
    (service === 'audit' || (service === undefined && ['audit', 'application'].includes(category ?? 'audit'))),
  constraint: () => undefined,
  field,
  events: {
    table: 'k8s_audit',
    alias: 'k',
    key: ['cluster', 'time', 'audit_id', 'stage'],
    eventKey: 'audit_id',
    few: FEW,
    from: (within) => `(SELECT * FROM k8s_audit FINAL WHERE ${within}) AS k`,
    see: (name) => {
      const known = field(name);
      if (known === undefined) return undefined;
      return known.join === undefined ? { fields: [known], whole: true } : SEEN_OF_JOINED[name ?? ''];
    },
  },
  joined,
  aliasOf: (test) => (isAliased(test) ? aliases[test.field ?? '']?.meaning : undefined),
  rows: ({ joins, rawFor, within = '1', among }) => {
    let sql = rowsSql;
    for (const name of ['addresses', 'token', 'principal', 'agents', 'images', 'registries', 'target', 'raw']) {
      const wanted = name === 'raw' ? rawFor !== undefined : joins.has(name);
      if (!wanted) sql = sql.replace(block(name), '');
    }
    const [columns = '', from = ''] = sql
      .slice(sql.indexOf('SELECT\n') + 'SELECT\n'.length)
      .replace('{events}', () => eventsOfCandidates)
      .replaceAll('{registry_of_image}', () => REGISTRY_OF_IMAGE)
      .replace('{within}', () =>
        among === undefined ? within : `${within} AND audit_id IN (SELECT audit_id FROM (${among}))`,
      )
      .replaceAll(/\{outside\(([\w.[\]]+)\)\}/g, (_, address: string) => isOutside(address))
      .replaceAll('IN (candidate_keys)', () => `IN (${rawFor ?? ''})`)
      .split('\nFROM\n(\n', 2);
    return { columns, from: `(\n${from}` };
  },
};
