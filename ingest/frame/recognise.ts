// What a line is, by its content alone. File names say nothing: logs are renamed, rotated, pasted together.

export type Source = 'k8s-audit' | 'auditd' | 'runtime';
export type Format = 'k8s-audit' | 'auditd' | 'containerd-event' | 'containerd-container' | 'unknown' | 'oversized';

export const sourceOf: Record<Exclude<Format, 'unknown' | 'oversized'>, Source> = {
  'k8s-audit': 'k8s-audit',
  auditd: 'auditd',
  'containerd-event': 'runtime',
  'containerd-container': 'runtime',
};

const HEAD_BYTES = 400; // auditd's header and the prefix of `ctr events` are within the first hundred

const auditdHead = /^(?:node=\S+ )?type=\S+ msg=audit\(\d+\.\d+:\d+\)/;
const ctrHead = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \+0000 UTC \S+ \/\S+ \{/;
const containerHead = /"info"\s*:\s*\{\s*"ID"\s*:/;

export function recognise(line: Buffer): Exclude<Format, 'oversized'> {
  if (line[0] === 0x7b) {
    if (line.includes('"auditID"')) return 'k8s-audit';
    if (containerHead.test(line.toString('latin1', 0, 2 * HEAD_BYTES))) return 'containerd-container';
    return 'unknown';
  }
  const head = line.toString('latin1', 0, HEAD_BYTES);
  if (auditdHead.test(head)) return 'auditd';
  if (ctrHead.test(head)) return 'containerd-event';
  return 'unknown';
}
