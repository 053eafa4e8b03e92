// What the API answers: the only thing web/ui knows of the rest of Vestige.
// Instants are milliseconds since 1970 in UTC with microseconds behind the point; `time` fields are RFC 3339.

export type Layer = 'k8s-audit' | 'runtime' | 'auditd';
export type Severity = 'informational' | 'low' | 'medium' | 'high' | 'critical';
export type Instant = number;

export interface ApiError {
  error: { code: 'bad-request' | 'not-found' | 'forbidden' | 'failed'; message: string };
}

export interface Overview {
  location: string;
  records: number;
  clusters: string[];
  /** null until correlate has written events */
  range: { from: Instant; to: Instant } | null;
  layers: Record<Layer, number>;
  chains: number;
  findings: Partial<Record<Severity, number>>;
  /** Events a layer in equal parts of `range`, for the strip above the timeline. */
  histogram: Record<Layer, number[]>;
}

export interface ChainSummary {
  id: string;
  cluster: string;
  title: string;
  severity: string;
  score: number;
  first_seen: string | null;
  last_seen: string | null;
  tactics: string[];
  step_count: number;
}

export interface ChainStep {
  n: number;
  time: string | null;
  tactic: string;
  techniques: string[];
  sentence: string;
  finding_ids: string[];
  digests: string[];
}

export interface ChainLink {
  from: string;
  to: string;
  kind: string;
  confidence: number;
  reason: string;
  digests: string[];
}

export interface ChainMember {
  id: string;
  digest: string;
  layer: string;
  time: string | null;
  step: number;
  role: string;
}

export interface ChainEntity {
  id: string;
  kind: string;
  name: string;
}

/** Section 10 of the design: the same document as `vestige chain ID --json`. */
export interface Chain {
  id: string;
  title: string;
  severity: string;
  score: number;
  first_seen: string | null;
  last_seen: string | null;
  tactics: string[];
  entities: ChainEntity[];
  steps: ChainStep[];
  links: ChainLink[];
  members: ChainMember[];
}

export interface FindingMark {
  id: string;
  rule_id: string;
  title: string;
  severity: Severity;
  techniques: string[];
  tactics: string[];
  t: Instant;
  layer: Layer;
  lane: string;
  summary: string;
  digest: string;
}

/** `address` lanes are made by the page, from links that end at an address. */
export type LaneKind = 'node' | 'api' | 'pod' | 'container' | 'address';

export interface Lifetime {
  container_id: string;
  name: string;
  image: string;
  /** null: not known, it was there before the records begin or is there after they end */
  from: Instant | null;
  to: Instant | null;
  exit_status: number | null;
}

export interface Lane {
  id: string;
  kind: LaneKind;
  cluster: string;
  namespace: string;
  name: string;
  containers: Lifetime[];
  from: Instant | null;
  to: Instant | null;
  events: Partial<Record<Layer, number>>;
  /** ids of the chains that have members here */
  chains: string[];
}

export interface EventMark {
  id: string;
  lane: string;
  t: Instant;
  layer: Layer;
  action: string;
  object: string;
  outcome: string;
  principal: string;
  exe: string;
  digest: string;
}

/** Counts of one track: `counts[i]` events in part `bins[i]` of the window; parts without events are left out. */
export interface CountedTrack {
  lane: string;
  layer: Layer;
  bins: number[];
  counts: number[];
}

/**
 * A window of the timeline. A track is one layer of one lane; the quietest tracks come as single events until `limit`
 * is reached, the rest as counts in parts of the window: bin i begins at from + i * width_ms.
 */
export interface TimelineEvents {
  from: Instant;
  to: Instant;
  width_ms: number;
  total: number;
  events: EventMark[];
  counted: CountedTrack[];
}

export interface ChainMark extends EventMark {
  step: number;
  role: 'core' | 'context';
}

export interface LinkEnd {
  /** Of a network address: `address:IP`. */
  lane: string;
  t: Instant;
  layer: Layer;
  /** Step of the event at this end, 0 for none. */
  step: number;
}

export interface ResolvedLink extends ChainLink {
  n: number;
  /** null: this end is not on the timeline */
  start: LinkEnd | null;
  end: LinkEnd | null;
}

export interface TimelineLinks {
  marks: ChainMark[];
  links: ResolvedLink[];
}

export interface Receipt {
  received_at: string;
  collector: string;
  stream: string;
  position: number;
  loader: string;
  seq: number;
}

export interface RawRecord {
  digest: string;
  source: string;
  cluster: string;
  node: string;
  event_time: string | null;
  format: string;
  event_key: string;
  boot_id: string;
  bytes: number;
  lines: number;
  /** Every delivery, the first one first. */
  receipts: Receipt[];
  /** Fields of the typed row that hold something. */
  decoded: Record<string, unknown> | null;
  dead_letter: { reason: string; detail: string } | null;
  /** The bytes as text when they are UTF-8, else null. */
  raw: string | null;
  /** The bytes themselves when they are not UTF-8. */
  raw_base64: string | null;
}
