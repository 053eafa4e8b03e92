// The root of a segment from its stored leaves: perfect subtrees from the engine, the top of the tree here.
import type { Store } from '../store/store.ts';
import { createTree } from './merkle.ts';
import subtrees from './subtrees.sql';

/** Root over leaves 0..leaves-1 as they are stored; `found` tells when some are not there. */
export async function segmentRoot(
  store: Store,
  segment: number,
  leaves: number,
): Promise<{ root: string; found: number }> {
  const tree = createTree();
  let found = 0;
  for await (const row of store.stream(subtrees, { segment, leaves })) {
    const count = Number(row['leaves']);
    found += count;
    // a chunk short of leaves in the middle: the tree cannot be built, the caller sees it by the count
    if (tree.size() === found - count && tree.size() % 1024 === 0)
      tree.add(Buffer.from(String(row['root']), 'hex'), count);
  }
  return { root: tree.root().toString('hex'), found };
}
