// A Kubernetes event of a rule's case: the case says what matters, the rest is what an everyday request of a person has.
// So a near miss shows at one glance in what it differs.
import { CASE_START_S } from './made-records.ts';

/**
 * @param serial place of the event in its case: its auditID comes from it
 * @param atS seconds after the case's begin
 * @returns the event with every top-level part that it leaves out; `null` stands for a part that the event does not have
 */
export function wholeEvent(
  given: Readonly<Record<string, unknown>>,
  { serial, atS }: { serial: number; atS: number },
): Record<string, unknown> {
  const time =
    given['requestReceivedTimestamp'] ?? new Date((CASE_START_S + atS) * 1000).toISOString().replace('Z', '000Z');
  const everyday = {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'RequestResponse',
    auditID: `00000000-0000-4000-8000-${String(serial).padStart(12, '0')}`,
    stage: 'ResponseComplete',
    user: { username: 'alice' },
    sourceIPs: ['198.51.100.20'],
    userAgent: 'kubectl/v1.34.4 (linux/amd64)',
    responseStatus: { code: 200 },
    requestReceivedTimestamp: time,
    stageTimestamp: time,
  };
  return Object.fromEntries(Object.entries({ ...everyday, ...given }).filter(([, value]) => value !== null));
}
