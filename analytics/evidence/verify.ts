// `evidence verify`: the chain of seals, the root of each segment from its stored leaves, and every leaf again from the
// bytes and the envelope that the store holds now. Tells the first record that differs, in the order of sealing.
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { type CustodyState, readCustodyStates } from './custody-log.ts';
import { LEAF_SQL } from './envelope.ts';
import { PARTITION_OF_LEAF, readExpiry } from './retention-drops.ts';
import { checkSeals } from './seal-chain.ts';
import { segmentRoot } from './segment-root.ts';
import unsealed from './unsealed.sql';
import { type DerivedDifference, verifyDerived } from './verify-derived.ts';
import verifyRecords from './verify-records.sql';

// Leaves compared in one query: its hash tables stay near 50 MB, and a million leaves are 20 queries.
const WINDOW_LEAVES = 50_000;

export type DifferenceKind =
  | 'seal'
  | 'root'
  | 'bytes'
  | 'envelope'
  | 'missing'
  | 'added'
  | 'unknown-seal'
  | 'retention'
  | 'typed'
  | 'custody';

export interface Difference {
  kind: DifferenceKind;
  segment: number | null;
  /** Number of the leaf in its segment. */
  leaf: number | null;
  digest: string | null;
  record: {
    source: string;
    cluster: string;
    node: string;
    event_time: string | null;
    loader: string;
    seq: number;
  } | null;
  message: string;
}

export interface Verification {
  verified: boolean;
  seals: number;
  leaves: number;
  /** Leaves whose record was expired by retention: proved by their leaf alone. */
  expired: number;
  /** Records that no seal covers yet. */
  unsealed: number;
  /** Typed rows that an older decoder made, which cannot be compared; null when typed rows were left out. */
  typed_rows_older: number | null;
  counts: Partial<Record<DifferenceKind, number>>;
  /** The first difference of each segment and kind, in the order of sealing. */
  differences: Difference[];
  head: string | null;
  public_keys: string[];
  key_pinned: boolean;
}

export interface VerifyOptions {
  publicKey?: KeyObject;
  /** Hash of a seal noted elsewhere: the chain has to contain it, so that cutting off its end shows. */
  knownSeal?: string;
  /** Derive the typed rows again and compare (default true); most of the time of a verification. */
  derived?: boolean;
}

export async function verify(store: Store, options: VerifyOptions): Promise<Verification> {
  const found = createFindings();
  const hashes = new Set<string>();
  const keys = new Set<string>();
  const logs: SealedLog[] = [];
  const done = { seals: 0, leaves: 0, expired: 0, lastSegment: 0, head: null as string | null };
  const expiry = await readExpiry(store, options.publicKey);
  for (const message of expiry.problems) found.add({ ...ofSegment('retention', null), message });
  for await (const sealed of checkSeals(store, options.publicKey)) {
    const { segment, document } = sealed;
    done.seals++;
    done.lastSegment = segment;
    done.head = sealed.hash;
    hashes.add(sealed.hash);
    for (const problem of sealed.problems)
      found.add({ ...ofSegment('seal', segment), message: `segment ${segment}: ${problem}` });
    if (!document) continue;
    keys.add(document.public_key);
    logs.push({ segment, ...document.custody });
    done.leaves += document.leaves;
    done.expired += await verifySegment(store, segment, document.leaves, document.root, expiry.covered, found);
  }
  await verifyCustody(store, logs, found);
  const known = options.knownSeal?.toLowerCase();
  if (known !== undefined && !hashes.has(known)) {
    found.add({
      ...ofSegment('unknown-seal', null),
      message: `no seal has the hash ${known}: seals were removed or made anew`,
    });
  }
  const open = await verifyUnsealed(store, done.lastSegment, found);
  const derived = options.derived === false ? undefined : await verifyDerived(store, expiry.covered.size > 0);
  for (const difference of derived?.differences ?? []) found.add(typedDifference(difference), difference.rows);
  return {
    verified: found.all.length === 0,
    ...{
      seals: done.seals,
      leaves: done.leaves,
      expired: done.expired,
      unsealed: open,
      typed_rows_older: derived?.older ?? null,
    },
    ...{ counts: found.counts, differences: found.all, head: done.head },
    public_keys: [...keys],
    key_pinned: options.publicKey !== undefined,
  };
}

async function verifySegment(
  store: Store,
  segment: number,
  leaves: number,
  root: string,
  taken: Map<string, number>,
  found: Findings,
): Promise<number> {
  const stored = await segmentRoot(store, segment, leaves);
  if (stored.found !== leaves) {
    found.add({
      ...ofSegment('root', segment),
      message: `segment ${segment}: ${leaves} leaves were sealed, ${stored.found} are stored`,
    });
  } else if (stored.root !== root) {
    found.add({
      ...ofSegment('root', segment),
      message: `segment ${segment}: the stored leaves hash to ${stored.root}, sealed was ${root}: leaves were changed or exchanged`,
    });
  }
  const expiry = { partitions: [...taken.keys()], segments: [...taken.values()] };
  let expired = 0;
  for (let from = 0; from < leaves; from += WINDOW_LEAVES) {
    const to = Math.min(from + WINDOW_LEAVES, leaves);
    for (const row of await store.rows(recordsSql, { segment, from, to, ...expiry })) {
      const window = Window.parse(row);
      if (window.difference === 'expired') expired += window.leaves;
      else if (window.difference !== '') found.add(differenceOf(segment, window, window.difference), window.leaves);
    }
  }
  return expired;
}

// Retention took the record's partition, when it had been sealed.
const COVERED_SQL = `arrayExists((p, s) -> p = ${PARTITION_OF_LEAF.replaceAll('event_time', 'w.event_time')} AND {segment:UInt64} <= s,
  {partitions:Array(String)}, {segments:Array(UInt64)})`;
const recordsSql = verifyRecords.replaceAll('{leaf}', LEAF_SQL).replace('{covered}', COVERED_SQL);

const Window = z.object({
  difference: z.enum(['', 'bytes', 'envelope', 'missing', 'expired']),
  leaves: z.number(),
  first_n: z.number(),
  source: z.string(),
  cluster: z.string(),
  node: z.string(),
  event_time: z.string(),
  loader: z.string(),
  seq: z.number(),
  digest: z.string(),
  actual: z.string(),
});
type Window = z.infer<typeof Window>;

function differenceOf(segment: number, w: Window, kind: 'bytes' | 'envelope' | 'missing'): Difference {
  const what = {
    bytes: `its bytes hash to ${w.actual}`,
    envelope: 'its envelope is not the one that was sealed',
    missing: 'it is not in the store any more',
  }[kind];
  const { source, cluster, node, loader, seq } = w;
  const event_time = knownTime(w.event_time);
  return {
    ...{ kind, segment, leaf: w.first_n, digest: w.digest },
    record: { source, cluster, node, event_time, loader, seq },
    message: `segment ${segment} leaf ${w.first_n}: record ${w.digest} (${[source, cluster, node].filter((t) => t !== '').join(' ')} ${event_time ?? 'time unknown'}): ${what}`,
  };
}

const Unsealed = z.object({
  records: z.number(),
  behind: z.number(),
  first: z.tuple([z.string(), z.string(), z.string(), z.string(), z.string(), z.number(), z.string()]),
});

async function verifyUnsealed(store: Store, sealed: number, found: Findings): Promise<number> {
  const [row] = await store.rows(unsealed, { sealed });
  const { records, behind, first } = Unsealed.parse(row);
  if (behind > 0) {
    const [source, cluster, node, time, loader, seq, digest] = first;
    const event_time = knownTime(time);
    found.add(
      {
        ...{
          kind: 'added',
          segment: null,
          leaf: null,
          digest,
          record: { source, cluster, node, event_time, loader, seq },
        },
        message: `record ${digest} (${source} ${cluster} ${event_time ?? 'time unknown'}): it stands at ${seq} of ${loader}, which was sealed without it: it was added later`,
      },
      behind,
    );
  }
  return records;
}

interface Findings {
  all: Difference[];
  counts: Partial<Record<DifferenceKind, number>>;
  add(difference: Difference, records?: number): void;
}

// One entry a segment and kind: windows come in order, so the first stays.
function createFindings(): Findings {
  const all: Difference[] = [];
  const counts: Partial<Record<DifferenceKind, number>> = {};
  return {
    all,
    counts,
    add: (difference, records = 1) => {
      counts[difference.kind] = (counts[difference.kind] ?? 0) + records;
      const told = all.some((d) => d.kind === difference.kind && d.segment === difference.segment && d.leaf !== null);
      if (!told) all.push(difference);
    },
  };
}

function ofSegment(kind: DifferenceKind, segment: number | null): Omit<Difference, 'message'> {
  return { kind, segment, leaf: null, digest: null, record: null };
}

const knownTime = (time: string) => (time.startsWith('1970-01-01T00:00:00.') ? null : time);

interface SealedLog extends CustodyState {
  segment: number;
}

async function verifyCustody(store: Store, logs: readonly SealedLog[], found: Findings): Promise<void> {
  const states = await readCustodyStates(
    store,
    logs.map((log) => log.until),
  );
  const stateAt = new Map(states.map((state) => [state.until, state]));
  // the first seal that does not fit is nearest to what was changed
  const broken = logs.find((log) => stateAt.get(log.until)?.hash !== log.hash);
  if (!broken) return;
  const { segment, until, entries } = broken;
  const message = `segment ${segment}: the custody log before ${until} is not what was sealed: ${entries} entries were, ${stateAt.get(until)?.entries} are there`;
  found.add({ ...ofSegment('custody', segment), message });
}

function typedDifference({ table, problem, rows, digest }: DerivedDifference): Difference {
  const what = {
    changed: 'do not say what their records say',
    lost: 'are gone, though their records are there',
    planted: 'are made of no record that the store has',
  }[problem];
  const message = `${rows} rows of ${table} ${what}, the first of record ${digest}`;
  return { ...ofSegment('typed', null), digest, message };
}
