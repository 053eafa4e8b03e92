// Suppressions and maintenance with what they did: those that have expired and those that did nothing are told.
import { z } from 'zod';
import { type Exception, type ExceptionKind, readExceptions } from '../noise/exceptions.ts';
import type { Store } from '../store/store.ts';

/** `idle`: it holds, but no finding is hidden or lowered by it. */
export type ExceptionState = 'active' | 'idle' | 'coming' | 'expired';

export interface ExceptionRow {
  name: string;
  state: ExceptionState;
  owner: string;
  reason: string;
  rules: string[];
  selection: unknown;
  filter: unknown;
  from: string | null;
  until: string;
  origin: string;
  added_at: string;
  /** Findings that it hides or lowers, and when the last of them was. */
  findings: number;
  last_finding: string | null;
}

const Effect = z.object({ name: z.string(), findings: z.coerce.number(), last: z.string() });

const EFFECTS: Record<ExceptionKind, string> = {
  suppression: `SELECT suppressed_by AS name, count() AS findings, toString(max(time)) AS last FROM findings FINAL
    WHERE suppressed_by != '' GROUP BY name`,
  // names hold no space (noise/read-exceptions.ts)
  maintenance: `SELECT extract(severity_reason, 'lowered: maintenance (\\\\S+) of ') AS name, count() AS findings, toString(max(time)) AS last
    FROM findings FINAL WHERE severity_reason != '' GROUP BY name`,
};

/** In order of their names. `now` only says whether one has expired. */
export async function listExceptions(store: Store, kind: ExceptionKind, now: Date): Promise<ExceptionRow[]> {
  const effects = z.array(Effect).parse(await store.rows(EFFECTS[kind]));
  const exceptions = await readExceptions(store, kind);
  return exceptions.map((one) => {
    const effect = effects.find(({ name }) => name === one.name);
    return {
      name: one.name,
      state: stateOf(one, effect !== undefined, now.getTime()),
      ...{ owner: one.owner, reason: one.reason, rules: one.rules },
      selection: one.selection ?? null,
      filter: one.filter ?? null,
      from: one.validFrom === 0 ? null : new Date(one.validFrom).toISOString(),
      until: new Date(one.validUntil).toISOString(),
      origin: one.origin,
      added_at: new Date(one.addedAt).toISOString(),
      findings: effect?.findings ?? 0,
      last_finding: effect === undefined ? null : `${effect.last.replace(' ', 'T').replace('Z', '')}Z`,
    };
  });
}

function stateOf(one: Exception, acts: boolean, now: number): ExceptionState {
  if (one.validUntil <= now) return 'expired';
  if (one.validFrom > now) return 'coming';
  return acts ? 'active' : 'idle';
}
