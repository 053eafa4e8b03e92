// Audit events in JSON, as other collectors write them; one record a line. What they hold: analytics/decode/audit-lines.sql.

export type AuditJson = 'laurel' | 'go-audit' | 'journald-audit' | 'auditbeat';

const HEAD_BYTES = 600; // a node's name is no longer than 253 characters
const laurelHead = /^\{\s*(?:"NODE"\s*:\s*"[^"]*"\s*,\s*)?"ID"\s*:\s*"\d+\.\d+:\d+"/;
const goAuditHead = /^\{\s*"sequence"\s*:\s*\d+\s*,\s*"timestamp"\s*:\s*"[\d.]+"\s*,\s*"messages"/;
const JOURNALD = Buffer.from('"_AUDIT_ID"');
const AUDITBEAT = Buffer.from('"auditd"');
const AUDITBEAT_SEQUENCE = Buffer.from('"sequence"');

export function auditJsonOf(line: Buffer): AuditJson | undefined {
  const head = line.toString('latin1', 0, HEAD_BYTES);
  if (laurelHead.test(head)) return 'laurel';
  if (goAuditHead.test(head)) return 'go-audit';
  if (line.includes(JOURNALD)) return 'journald-audit';
  if (line.includes(AUDITBEAT) && line.includes(AUDITBEAT_SEQUENCE)) return 'auditbeat';
  return undefined;
}

const nodeIn: Record<AuditJson, RegExp | undefined> = {
  laurel: /"NODE"\s*:\s*"([^"\\]{1,253})"/,
  'go-audit': undefined,
  'journald-audit': /"_HOSTNAME"\s*:\s*"([^"\\]{1,253})"/,
  auditbeat: /"(?:agent|beat|host)"\s*:\s*\{[^{}]*"(?:host)?name"\s*:\s*"([^"\\]{1,253})"/,
};
// LAUREL names the node at the head; in the others it stands anywhere, but never behind a megabyte.
const NODE_WITHIN_BYTES = 1 << 20;

/** The node an event names, '' where it names none. */
export function nodeOf(format: AuditJson, line: Buffer): string {
  const bytes = format === 'laurel' ? HEAD_BYTES : NODE_WITHIN_BYTES;
  return nodeIn[format]?.exec(line.toString('utf8', 0, bytes))?.[1] ?? '';
}

/** What `ausearch` writes between events; it says nothing of its own. */
export function separatesEvents(line: Buffer): boolean {
  if (line.length > 64 || (line[0] !== 0x2d && line[0] !== 0x74)) return false;
  return /^(?:----|time->\w{3} \w{3} +\d+ [\d:]{8} \d+)\r?$/.test(line.toString('latin1'));
}
