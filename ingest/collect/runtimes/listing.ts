// What a runtime lists, compared with what was known: the end of an interruption. Events go on coming in the meantime.
import type { Compared } from './interruption.ts';
import type { KnownContainer, KnownContainers } from './known-containers.ts';
import type { Undescribed } from './undescribed.ts';

export interface Listing {
  /** One that is listed; undefined when its removal was seen since. */
  take(key: string): KnownContainer | undefined;
  /** What is not listed is gone. */
  end(): Compared;
}

/** @param removed containers whose removal was seen since the stream of events began */
export function beginListing(known: KnownContainers, undescribed: Undescribed, removed: ReadonlySet<string>): Listing {
  const before = known.keys();
  const listed = new Set<string>();
  let appeared = 0;
  return {
    take(key) {
      if (removed.has(key)) return undefined;
      listed.add(key);
      if (known.get(key) === undefined) appeared++;
      return known.add(key);
    },
    end() {
      const vanished = before.filter((key) => !listed.has(key) && known.get(key) !== undefined);
      for (const key of vanished) {
        if (!known.get(key)?.told) undescribed.add(key);
        known.delete(key);
      }
      return { appeared, vanished: vanished.length };
    },
  };
}
