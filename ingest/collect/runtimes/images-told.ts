// Which images were told of, the latest names only: a document for each state of an image once.

/** A node has some hundred. */
const IMAGES_MAX = 2_000;

export interface ImagesTold {
  /** Nothing new is to be asked. */
  isTold(name: string): boolean;
  /** @returns whether this state of the image is news */
  tell(name: string, state: string): boolean;
  /** The name may stand for something else from now on. */
  changed(name: string): void;
}

export function createImagesTold(): ImagesTold {
  const told = new Map<string, { state: string; isCurrent: boolean }>();
  return {
    isTold: (name) => told.get(name)?.isCurrent === true,
    tell(name, state) {
      const before = told.get(name);
      told.delete(name);
      told.set(name, { state, isCurrent: true });
      const [oldest] = told.keys();
      if (told.size > IMAGES_MAX && oldest !== undefined) told.delete(oldest);
      return before?.state !== state;
    },
    changed(name) {
      const entry = told.get(name);
      if (entry) entry.isCurrent = false;
    },
  };
}
