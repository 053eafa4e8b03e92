// A finding's sentence with what its context changed: nothing is hidden, raised or lowered without a word.
import type { Finding } from '../../analytics/queries/findings.ts';

export function findingInWords(f: Pick<Finding, 'summary' | 'severity_reason' | 'suppressed_by'>): string {
  const notes = [f.severity_reason, f.suppressed_by === '' ? '' : `suppressed by ${f.suppressed_by}`];
  const told = notes.filter((note) => note !== '').join('; ');
  return told === '' ? f.summary : `${f.summary} (${told})`;
}
