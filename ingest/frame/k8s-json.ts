// Kubernetes audit events in JSON: as the API server writes them, or in what a managed cluster's log service puts around them. One event
// a record; what the envelopes hold: analytics/decode/audit-event.sql.

import { closingQuote, isFollowedByColon } from './json-keys.ts';

export type K8sJson = 'k8s-audit' | 'eks' | 'gke' | 'aks';

const EVENT = Buffer.from('{"kind":"Event",');
const AUDIT_ID = Buffer.from('auditID');
const PROTO_PAYLOAD = Buffer.from('"protoPayload"');
const K8S_SERVICE = /"serviceName"\s*:\s*"k8s\.io"/;
const AZURE_AUDIT_ID = Buffer.from('"AuditId"');
const AZURE_CATEGORY = /"kube-audit(?:-admin)?"/;
// CloudWatch writes an export to S3 as time and event; 40 characters hold both their beginnings.
const exportHead = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z \{/;

const QUOTE = 34;

/** What kind of event an object is, by its own keys: a body may hold whatever its writer liked. */
export function k8sJsonOf(line: Buffer): K8sJson | undefined {
  const at = line.indexOf(AUDIT_ID);
  if (at === -1 && !line.includes(PROTO_PAYLOAD) && !line.includes(AZURE_AUDIT_ID)) return undefined;
  if (at !== -1 && line[at - 1] === QUOTE && line[at + AUDIT_ID.length] === QUOTE && startsWith(line, EVENT))
    return 'k8s-audit';
  switch (decidingKey(line)) {
    case 'auditID':
      return 'k8s-audit';
    case 'protoPayload':
      return K8S_SERVICE.test(line.toString('latin1')) ? 'gke' : undefined;
    case 'message':
    case '@message':
      return at === -1 ? undefined : 'eks';
    case 'properties':
    case 'log_s':
      return at !== -1 && AZURE_CATEGORY.test(line.toString('latin1')) ? 'aks' : undefined;
    case 'AuditId':
      return 'aks';
    default:
      return undefined;
  }
}

/** A line of an export: its time, then the event. */
export const isExportedEvent = (line: Buffer): boolean =>
  exportHead.test(line.toString('latin1', 0, 40)) && line.includes(AUDIT_ID);

const DECIDING = ['auditID', 'protoPayload', 'message', '@message', 'properties', 'log_s', 'AuditId'] as const;
type Deciding = (typeof DECIDING)[number];
const decidingBytes = DECIDING.map((key) => [key, Buffer.from(`"${key}"`)] as const);

/** The first of the deciding keys that the object has itself. */
function decidingKey(line: Buffer): Deciding | undefined {
  let depth = 0;
  for (let i = 0; i < line.length; i++) {
    const c = line[i];
    if (c === 123 || c === 91) depth++;
    else if (c === 125 || c === 93) depth--;
    else if (c === QUOTE) {
      const end = Math.min(closingQuote(line, i + 1, line.length) + 1, line.length);
      const key = depth === 1 ? decidingBytes.find(([, bytes]) => isAt(line, i, end, bytes))?.[0] : undefined;
      if (key !== undefined && isFollowedByColon(line, end, line.length)) return key;
      i = end - 1;
    }
  }
  return undefined;
}

function isAt(line: Buffer, from: number, to: number, bytes: Buffer): boolean {
  return to - from === bytes.length && line.compare(bytes, 0, bytes.length, from, to) === 0;
}

function startsWith(line: Buffer, bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) if (line[i] !== bytes[i]) return false;
  return true;
}
