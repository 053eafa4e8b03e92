// Attack chains: findings and what lies between them, grown into graphs, told in steps, weighed and written.
import { ENTITY_SETTINGS } from '../entities/settings.ts';
import { withScratchTable } from '../store/scratch.ts';
import type { Store } from '../store/store.ts';
import type { Chain } from './chain.ts';
import chainEvents from './chain-events.sql';
import { atLeast, type ChainFinding, rankOf, readFindings, type Severity } from './findings.ts';
import type { Link } from './graph.ts';
import { componentsOf, type EntityId, kindOf } from './graph.ts';
import { grow } from './grow.ts';
import type { Growth } from './growth.ts';
import { createLookup } from './lookup.ts';
import { type Member, membersOf } from './members.ts';
import { type Names, nameOf, readNames } from './names.ts';
import { stepAt, tellSteps } from './steps.ts';
import { orderOfTactic } from './tactics.ts';
import { writeChains } from './write.ts';

/** A link below this holds no chain together: coincidence of time alone. */
const HOLDS_MIN = 0.5;

/** Makes all chains anew with `version`; returns how many there are. */
export async function buildChains(store: Store, version: number): Promise<number> {
  const findings = await readFindings(store);
  const chains = await withScratchTable(store, 'chain_events', EVENTS, async (events) => {
    if (findings.some((f) => atLeast(f.seed, 'medium'))) {
      await store.run(`INSERT INTO ${events} ${chainEvents} ${ENTITY_SETTINGS}`, {}, 'background');
    }
    return chainsOf(store, findings, events);
  });
  await writeChains(store, chains, version);
  return chains.length;
}

const EVENTS = `(cluster LowCardinality(String), node LowCardinality(String), layer LowCardinality(String), event_id String, time DateTime64(9, 'UTC'),
  digest FixedString(32), process_key String, container_id LowCardinality(String), exe LowCardinality(String), action LowCardinality(String), object String,
  outcome LowCardinality(String)) ENGINE = MergeTree ORDER BY (cluster, process_key)`;

async function chainsOf(store: Store, findings: readonly ChainFinding[], events: string): Promise<Chain[]> {
  const chains: Chain[] = [];
  for (const cluster of new Set(findings.map((f) => f.cluster))) {
    const mine = findings.filter((f) => f.cluster === cluster);
    const grave = await chainsFrom({ store, events }, cluster, mine, (f) => atLeast(f.seed, 'high'));
    const told = new Set(grave.flatMap((c) => c.findings.map((f) => f.id)));
    // what no grave finding reached may still be a chain of lesser ones
    const lesser = await chainsFrom(
      { store, events },
      cluster,
      mine.filter((f) => !told.has(f.id)),
      (f) => f.seed === 'medium',
    );
    chains.push(...grave, ...lesser.filter((c) => new Set(c.findings.filter(isShown).map((f) => f.rule_id)).size > 1));
  }
  return chains;
}

async function chainsFrom(
  { store, events }: { store: Store; events: string },
  cluster: string,
  findings: readonly ChainFinding[],
  isSeed: (f: ChainFinding) => boolean,
): Promise<Chain[]> {
  const seeds = [...new Set(findings.filter(isSeed).flatMap((f) => f.entity ?? []))];
  const about = (least: Severity) =>
    new Set(findings.filter((f) => atLeast(f.rule_severity, least)).flatMap((f) => f.entity ?? []));
  const growth = await grow(createLookup(store, cluster, events), seeds, about('low'), about('medium'));
  const components = componentsOf(growth.graph, HOLDS_MIN);
  const parts = divide(growth, components, findings);
  const told = foldRepeated(
    components.map((entities, i) => ({ entities, ...(parts[i] ?? NOTHING) })).filter((c) => c.findings.length > 0),
  );
  const names = await readNames(growth);
  const members = await membersOf(
    store,
    cluster,
    events,
    growth,
    told.map((c) => c.entities),
    names,
  );
  return told.map((component, i) => chainOf(cluster, growth, component, members[i] ?? [], names));
}

interface Part {
  findings: ChainFinding[];
  links: Link[];
}
const NOTHING: Part = { findings: [], links: [] };

export interface Component extends Part {
  entities: readonly EntityId[];
}

/** The same thing done in the same place by the same hand within this is one sitting: one chain, not one for each time. */
const SITTING_MS = 600_000;

/** Components that the same rules made of the same place, one after the other, as one. */
export function foldRepeated<C extends Component>(components: readonly C[]): C[] {
  const sittings: C[][] = [];
  const latest = new Map<string, { sitting: C[]; until: number }>();
  const startOf = (c: C) => Math.min(...c.findings.map((f) => f.at));
  for (const c of [...components].sort((a, b) => startOf(a) - startOf(b))) {
    const rules = c.findings.map((f) => f.rule_id);
    const hands = c.findings.map((f) => [f.node, f.namespace, f.pod, f.container_id, f.principal].join('/'));
    const key = [rules, hands].flatMap((names) => [...new Set(names)].sort()).join('\0');
    const before = latest.get(key);
    const isNew = before === undefined || startOf(c) - before.until > SITTING_MS;
    const sitting = isNew ? [] : before.sitting;
    if (isNew) sittings.push(sitting);
    sitting.push(c);
    latest.set(key, { sitting, until: Math.max(...c.findings.map((f) => f.at)) });
  }
  return sittings.flatMap(([first, ...more]) => (first === undefined ? [] : [joined(first, more)]));
}

const joined = <C extends Component>(first: C, more: readonly C[]): C => ({
  ...first,
  entities: [first, ...more].flatMap((c) => c.entities),
  findings: [first, ...more].flatMap((c) => c.findings),
  links: [first, ...more].flatMap((c) => c.links),
});

/** Findings and links by component. */
function divide(growth: Growth, components: readonly EntityId[][], findings: readonly ChainFinding[]): Part[] {
  const place = new Map(components.flatMap((entities, i) => entities.map((id) => [id, i] as const)));
  const parts = components.map((): Part => ({ findings: [], links: [] }));
  for (const f of findings) if (f.entity !== undefined) parts[place.get(f.entity) ?? -1]?.findings.push(f);
  for (const link of growth.graph.links.values()) {
    const i = place.get(link.from);
    if (i !== undefined && i === place.get(link.to)) parts[i]?.links.push(link);
  }
  return parts;
}

function chainOf(
  cluster: string,
  growth: Growth,
  component: Component,
  members: readonly Member[],
  names: Names,
): Chain {
  const { entities, findings, links } = component;
  const steps = tellSteps(findings);
  const weight = weigh(findings);
  return {
    cluster,
    title: titleOf(findings, weight.severity),
    ...weight,
    entities: entities.map((id) => ({ id, kind: kindOf(id), name: nameOf(growth, id, names) })),
    steps,
    links,
    members: members.map((m) => ({ ...m, step: stepAt(steps, m) })),
    findings,
  };
}

const isShown = (f: ChainFinding) => f.suppressed_by === '';

// --- how grave -----------------------------------------------------------------------------------------------------

/** What one rule's hits add to the score, whatever their number: the same thing ten times is not ten times as bad. */
const WEIGHT: Record<Severity, number> = { informational: 0, low: 1, medium: 3, high: 8, critical: 13 };
const PER_TACTIC = 5;

/** Severity from how sure the findings are and how far along the way they lie. */
function weigh(all: readonly ChainFinding[]): { severity: Severity; score: number; tactics: string[] } {
  const findings = all.filter(isShown);
  const gravest = new Map<string, Severity>();
  for (const f of findings) {
    const known = gravest.get(f.rule_id);
    if (known === undefined || rankOf(f.severity) > rankOf(known)) gravest.set(f.rule_id, f.severity);
  }
  const rules = [...gravest.values()];
  const strong = rules.filter((s) => atLeast(s, 'high')).length;
  const tactics = [...new Set(findings.flatMap((f) => f.tactics))].sort((a, b) => orderOfTactic(a) - orderOfTactic(b));
  const score = rules.reduce((sum, s) => sum + WEIGHT[s], 0) + PER_TACTIC * tactics.length;
  return { severity: severityOf(rules, strong, tactics.length), score, tactics };
}

function severityOf(rules: readonly Severity[], strong: number, tactics: number): Severity {
  if (strong >= 3 && tactics >= 4) return 'critical';
  if ((strong >= 2 && tactics >= 2) || (strong >= 1 && tactics >= 3) || rules.includes('critical')) return 'high';
  return strong >= 1 || rules.length > 1 ? 'medium' : 'low';
}

// --- how it is called ----------------------------------------------------------------------------------------------

/** Where it began and how far it came; what it was, where it stayed in one place. */
function titleOf(findings: readonly ChainFinding[], severity: Severity): string {
  const places = [...new Set([...findings].sort((a, b) => a.at - b.at).map(placeOf))].filter((p) => p !== '');
  const what = atLeast(severity, 'high') ? 'Intrusion' : 'Suspicion';
  const [first, ...others] = places;
  if (first !== undefined && others.length > 0) {
    const more = others.length > 2 ? ` and ${others.length - 2} more` : '';
    return `${what} from ${first} to ${others.slice(0, 2).join(', ')}${more}`;
  }
  const gravest = [...findings].sort((a, b) => rankOf(b.severity) - rankOf(a.severity) || a.at - b.at)[0];
  return `${what}${first === undefined ? '' : ` in ${first}`}: ${lowerFirst(gravest?.title ?? '')}`;
}

/** As after a colon, unless the word is a name (API, RBAC). */
const lowerFirst = (text: string) => (/^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text);

function placeOf(f: ChainFinding): string {
  if (f.pod !== '') return `${f.namespace}/${f.pod}`;
  if (f.source === 'auditd' && f.container_id === '' && f.node !== '') return `node ${f.node}`;
  return '';
}
