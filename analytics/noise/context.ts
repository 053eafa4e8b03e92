// What raises a finding: the sensitivity of what it touches, told by labels of pods (entities/actors) and of namespaces.
import type { ContextLabels } from '../entities/actors/actors.ts';
import { ENTITY_SETTINGS } from '../entities/settings.ts';
import { forgetOlder } from '../store/derived.ts';
import type { Store } from '../store/store.ts';
import namespaces from './namespaces.sql';

/** Values of labels of sensitivity that raise findings, when a user says nothing else: of common schemes the upper part. */
export const SENSITIVE_VALUES: readonly string[] = [
  ...['high', 'very-high', 'critical', 'restricted', 'confidential', 'strictly-confidential', 'secret', 'top-secret'],
  ...['sensitive', 'highly-sensitive', 'regulated', 'pci', 'pii', 'phi'],
];

export async function tellSensitiveValues(store: Store, values: readonly string[], version: number): Promise<void> {
  const told = values.map((value) => value.toLowerCase());
  await store.insert('sensitive_values', [{ job: 'correlate', values: told, version }]);
}

export async function fillNamespaces(store: Store, version: number, labels: ContextLabels): Promise<void> {
  const { owner: owner_labels, team: team_labels, sensitivity: sensitivity_labels } = labels;
  const params = { version, owner_labels, team_labels, sensitivity_labels };
  await store.run(`INSERT INTO namespaces ${namespaces} ${ENTITY_SETTINGS}`, params, 'background');
  await forgetOlder(store, 'namespaces', version);
}
