// The containers that a collector knows of, kept over restarts: after an interruption they are compared with what the runtime lists.
import { z } from 'zod';
import type { CollectorPlace } from '../collector.ts';

/** A node runs some hundred; whoever starts thousands and never removes them has the oldest described once more. */
const CONTAINERS_MAX = 10_000;
/** The whole list is written again: not for each of a thousand containers in a row. */
const SAVE_MS = 1_000;

export interface KnownContainer {
  /** Its document was emitted, or it was reported that there is none. */
  told: boolean;
  /** Host pid of its first process; 0 when it does not run, or nobody said. */
  pid: number;
  /** What changes when its document does: time of the last update. */
  version: string;
}

export interface KnownContainers {
  get(key: string): KnownContainer | undefined;
  /** The one known, or a new one of which nothing was told. */
  add(key: string): KnownContainer;
  delete(key: string): void;
  keys(): string[];
  /** To be called when an entry was changed. */
  changed(): void;
  /** Writes what was not yet written. */
  save(): void;
}

const State = z.array(z.tuple([z.string(), z.boolean(), z.number(), z.string()]));

/** @param stream whose containers they are */
export function createKnownContainers(place: CollectorPlace, stream: string): KnownContainers {
  const name = `${stream}#containers`;
  const known = restore(place.restored(name));
  let timer: NodeJS.Timeout | undefined;
  const save = () => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    const state = [...known].map(([key, { told, pid, version }]) => [key, told, pid, version]);
    place.checkpoint(name, JSON.stringify(state));
  };
  const changed = () => {
    timer ??= setTimeout(save, SAVE_MS);
  };
  return {
    get: (key) => known.get(key),
    add(key) {
      const before = known.get(key);
      if (before) return before;
      const entry: KnownContainer = { told: false, pid: 0, version: '' };
      known.set(key, entry);
      const [oldest] = known.keys();
      if (known.size > CONTAINERS_MAX && oldest !== undefined) known.delete(oldest);
      changed();
      return entry;
    },
    delete(key) {
      if (known.delete(key)) changed();
    },
    keys: () => [...known.keys()],
    changed,
    save,
  };
}

function restore(text: string | undefined): Map<string, KnownContainer> {
  try {
    const state = State.parse(JSON.parse(text ?? '[]'));
    return new Map(state.map(([key, told, pid, version]) => [key, { told, pid, version }]));
  } catch {
    return new Map(); // they are listed and described again
  }
}
