// A dossier: everything that the store knows of one container that is gone, each fact with the digests of the records it
// comes from, and what is not known said as plainly. A pure read; who is shown it is noted by the caller.
import { type ContainerKey, type ContainerLife, readContainer } from '../queries/container.ts';
import { type ContainerActivity, readActivity } from '../queries/container-activity.ts';
import type { Store } from '../store/store.ts';
import { type Creation, readCreations } from './dossier-creations.ts';
import { type Known, readKnown, unknownsOf } from './dossier-unknowns.ts';

// What a report can hold; `truncated` names the lists that were longer.
const LIST_MAX = 1_000;

export interface Dossier {
  made_at: string;
  container: Omit<ContainerLife, 'pod_object' | 'processes' | 'sessions' | 'findings' | 'chains' | 'events'>;
  pod: ContainerLife['pod_object'];
  /** How it came to be: the create request of the pod first, then those of its owners. */
  creations: Creation[];
  processes: ContainerLife['processes'];
  files: ContainerActivity['files'];
  connections: ContainerActivity['connections'];
  api_calls: ContainerActivity['api_calls'];
  sessions: ContainerLife['sessions'];
  findings: ContainerLife['findings'];
  chains: ContainerLife['chains'];
  events: ContainerLife['events'];
  attribution: Known['methods'];
  /** In words: what the records do not tell. */
  unknown: string[];
  /** Lists that hold more than is shown, with how many there are. */
  truncated: ContainerActivity['truncated'];
}

/** Undefined: no such container. */
export async function readDossier(store: Store, key: ContainerKey, now: Date): Promise<Dossier | undefined> {
  const life = await readContainer(store, key);
  if (!life) return undefined;
  const { pod_object: pod, processes, sessions, findings, chains, events, ...container } = life;
  const { files, connections, api_calls, truncated } = await readActivity(store, life, LIST_MAX);
  const creations = await readCreations(store, life);
  const known = await readKnown(store, life);
  return {
    made_at: now.toISOString(),
    ...{ container, pod, creations, processes },
    ...{ files, connections, api_calls, sessions, findings, chains, events },
    attribution: known.methods,
    unknown: unknownsOf(life, creations, known),
    truncated,
  };
}
