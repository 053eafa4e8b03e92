// What a line is, by its content alone. File names say nothing: logs are renamed, rotated, pasted together.

import { emptyHeader, readAuditHeader } from './audit-header.ts';
import { type AuditJson, auditJsonOf } from './audit-json.ts';
import { isListLine } from './json-layout.ts';
import { isExportedEvent, type K8sJson, k8sJsonOf } from './k8s-json.ts';
import { beginsAsRuntimeJson, type RuntimeJson, runtimeJsonOf } from './runtime-json.ts';

/** `collector`: what a collector says of itself. No log is recognised as that: only who delivers it can say so. */
export type Source = 'k8s-audit' | 'auditd' | 'runtime' | 'collector';
export type Format =
  | K8sJson
  | 'auditd'
  | AuditJson
  | RuntimeJson
  | 'containerd-event'
  | 'containerd-container'
  | 'collector-notice'
  | 'unknown'
  | 'oversized';

export const sourceOf: Record<Exclude<Format, 'unknown' | 'oversized'>, Source> = {
  'k8s-audit': 'k8s-audit',
  eks: 'k8s-audit',
  gke: 'k8s-audit',
  aks: 'k8s-audit',
  auditd: 'auditd',
  laurel: 'auditd',
  'go-audit': 'auditd',
  'journald-audit': 'auditd',
  auditbeat: 'auditd',
  'containerd-event': 'runtime',
  'containerd-container': 'runtime',
  'containerd-json': 'runtime',
  'containerd-image': 'runtime',
  'docker-event': 'runtime',
  'docker-container': 'runtime',
  'docker-image': 'runtime',
  'cri-event': 'runtime',
  'cri-container': 'runtime',
  'cri-sandbox': 'runtime',
  'cri-image': 'runtime',
  'podman-event': 'runtime',
  'podman-container': 'runtime',
  'podman-image': 'runtime',
  'collector-notice': 'collector',
};

export const isAuditJson = (format: Format): format is AuditJson =>
  format !== 'auditd' && format !== 'unknown' && format !== 'oversized' && sourceOf[format] === 'auditd';

const HEAD_BYTES = 400; // the prefix of `ctr events` is within the first hundred

const ctrHead = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \+0000 UTC \S+ \/\S+ \{/;
const containerHead = /"info"\s*:\s*\{\s*"ID"\s*:/;

const header = emptyHeader(); // written over and never read

export function recognise(line: Buffer): Exclude<Format, 'oversized'> {
  if (line[0] === 0x7b) {
    const k8s = k8sJsonOf(line);
    if (k8s) return k8s;
    // an image's labels, which its maker chooses, stand in its containers' records and may be called anything
    const runtime = beginsAsRuntimeJson(line) ? runtimeDocumentOf(line) : undefined;
    if (runtime) return runtime;
    if (isListLine(line)) return 'unknown'; // its items are something (json-items.ts)
    return auditJsonOf(line) ?? runtimeDocumentOf(line) ?? 'unknown';
  }
  if (readAuditHeader(line, 0, line.length, header)) return 'auditd';
  if (ctrHead.test(line.toString('latin1', 0, HEAD_BYTES))) return 'containerd-event';
  return isExportedEvent(line) ? 'eks' : 'unknown';
}

function runtimeDocumentOf(line: Buffer): 'containerd-container' | RuntimeJson | undefined {
  if (containerHead.test(line.toString('latin1', 0, 2 * HEAD_BYTES))) return 'containerd-container';
  return runtimeJsonOf(line);
}
