// What analysts decide of learned behaviour: a fact pinned is normal, a fact rejected never is. Decisions belong to subject, kind and value, and stay
// when baselines are made anew; none is ever removed, the last one holds.
import type { Store } from '../store/store.ts';

export interface NewDecision {
  cluster: string;
  subject: string;
  kind: string;
  value: string;
  decision: 'pin' | 'reject' | 'unpin';
  reason: string;
  by: string;
}

/** Holds from the next correlate on. */
export const decide = (store: Store, { by, ...decision }: NewDecision, at: Date): Promise<void> =>
  store.insert('baseline_decisions', [
    { ...decision, decided_by: by, decided_at: at.toISOString().replace('T', ' ').replace('Z', '') },
  ]);
