// ATT&CK's tactics for containers and enterprise, in the order of a way in and onward.
const TACTICS = [
  'Reconnaissance',
  'Resource Development',
  'Initial Access',
  'Execution',
  'Persistence',
  'Privilege Escalation',
  'Defense Evasion',
  'Credential Access',
  'Discovery',
  'Lateral Movement',
  'Collection',
  'Command and Control',
  'Exfiltration',
  'Impact',
] as const;

const byTag = new Map(TACTICS.map((name) => [name.toLowerCase().replaceAll(' ', '-'), name as string]));

/** `initial-access` (a rule's tag) as ATT&CK writes it: Initial Access. Unknown ones stay as they are. */
export function nameOfTactic(tag: string): string {
  return byTag.get(tag.toLowerCase().replaceAll(/[ _]/g, '-')) ?? tag;
}

/** Place on the way, 0 first; unknown tactics last. */
export function orderOfTactic(name: string): number {
  const at = (TACTICS as readonly string[]).indexOf(name);
  return at === -1 ? TACTICS.length : at;
}
