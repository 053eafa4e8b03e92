// A chain before it is written.
import { createHash } from 'node:crypto';
import type { ChainFinding, Severity } from './findings.ts';
import type { EntityId, Link } from './graph.ts';
import type { Member } from './members.ts';
import type { ChainStep } from './steps.ts';

export interface ChainEntity {
  id: EntityId;
  kind: string;
  name: string;
}

export interface Chain {
  cluster: string;
  title: string;
  severity: Severity;
  score: number;
  tactics: string[];
  entities: ChainEntity[];
  steps: ChainStep[];
  links: Link[];
  members: (Member & { step: number })[];
  findings: ChainFinding[];
}

/** A new chain's id: from its first core record, so that the same store gives the same id. */
export function firstIdOf(chain: Chain): string {
  const first = chain.members.find((m) => m.role === 'core') ?? chain.members[0];
  const hash = createHash('sha256').update(`${chain.cluster}\0${first?.id ?? chain.findings[0]?.id ?? ''}`);
  return hash.digest('hex').slice(0, 12);
}
