// What the records do not tell of a container, so that nobody takes silence for innocence.
import { z } from 'zod';
import type { ContainerLife } from '../queries/container.ts';
import type { Store } from '../store/store.ts';
import type { Creation } from './dossier-creations.ts';
import knownSql from './dossier-known.sql';

const KnownRow = z.object({
  methods: z.array(z.tuple([z.string(), z.number(), z.number()])),
  gaps: z.array(z.tuple([z.string(), z.string(), z.number(), z.string()])),
  dead_letters: z.number(),
});

export interface Known {
  /** How auditd events were given to this container, with the least certain of each way. */
  methods: { method: string; events: number; lowest_confidence: number }[];
  gaps: { source: string; kind: string; missing: number; detail: string }[];
  deadLetters: number;
}

const CONFIDENT = 0.8; // below it another container is a real possibility

export async function readKnown(store: Store, life: ContainerLife): Promise<Known> {
  const from = life.created_at ?? life.started_at ?? '1970-01-01T00:00:00Z';
  const to = life.ended_at ?? life.removed_at ?? '2261-12-31T00:00:00Z';
  const of = { cluster: life.cluster, node: life.node, container: life.container_id, from, to };
  const [row] = await store.rows(knownSql, of);
  const known = KnownRow.parse(row);
  return {
    methods: known.methods.map(([method, events, lowest]) => ({ method, events, lowest_confidence: lowest })),
    gaps: known.gaps.map(([source, kind, missing, detail]) => ({ source, kind, missing, detail })),
    deadLetters: known.dead_letters,
  };
}

export function unknownsOf(life: ContainerLife, creations: readonly Creation[], known: Known): string[] {
  const events = known.methods.reduce((sum, m) => sum + m.events, 0);
  const unsure = known.methods.filter((m) => m.lowest_confidence < CONFIDENT);
  const facts: [boolean, string][] = [
    [life.image === '', 'image: no document of the container was recorded'],
    [!life.image.includes('@sha256:'), 'image digest: the image is known by its name only, which can be moved'],
    [life.pod_uid === '', 'pod: no record names one; it may have been started past Kubernetes'],
    [life.pod_uid !== '' && life.pod_object === null, 'pod: only its name and uid, no API record describes it'],
    [life.started_at === null, 'start: not seen'],
    [life.ended_at === null, 'end: not seen; it may still have run when the records end'],
    [life.ended_at !== null && life.exit_status === null, 'exit status: not seen'],
    [events === 0, 'processes: no auditd event could be given to it; what it did inside is unknown'],
    ...creations.map((c): [boolean, string] => [
      c.request === null,
      `creator of ${c.kind} ${c.name}: its create request is not in the records`,
    ]),
    ...unsure.map((m): [boolean, string] => [
      true,
      `attribution: of ${m.events} events found by ${m.method} the least certain has confidence ${m.lowest_confidence}`,
    ]),
    ...known.gaps.map((g): [boolean, string] => [
      true,
      `gap of ${g.source} in its lifetime: ${g.kind}, ${g.missing < 0 ? 'nobody knows how much' : g.missing} missing. ${g.detail}`,
    ]),
    [
      known.deadLetters > 0,
      `${known.deadLetters} records of this node or cluster could not be decoded and may concern it`,
    ],
    [true, 'environment: names only, values are not recorded'],
    [
      true,
      'files and connections: only calls that the rules of auditd on its node record; reads, and writes to files already open, are not among them',
    ],
    [true, 'its log and its writable layer were not collected'],
  ];
  return facts.filter(([holds]) => holds).map(([, words]) => words);
}
