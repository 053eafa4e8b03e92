// The tree of a seal: RFC 6962 section 2.1 over leaf hashes, built from left to right with one hash a level in memory.
import { createHash } from 'node:crypto';

const INTERIOR = Buffer.from([1]);

/** Hash of an empty tree (RFC 6962: the hash of the empty string). */
export const EMPTY_ROOT: Buffer = createHash('sha256').digest();

export function hashPair(left: Buffer, right: Buffer): Buffer {
  return createHash('sha256').update(INTERIOR).update(left).update(right).digest();
}

export interface TreeBuilder {
  /** Adds one leaf hash, or the root of a perfect subtree of `leaves` leaves (a power of two) that starts at a multiple of it. */
  add(hash: Buffer, leaves?: number): void;
  /** Leaves so far. */
  size(): number;
  root(): Buffer;
}

/**
 * A compact range: the perfect subtrees that stand for the leaves so far, largest first. The last subtree added may be
 * smaller than a power of two, for the tree of a rest is what the split at the largest power of two leaves on the right.
 */
export function createTree(): TreeBuilder {
  const subtrees: { hash: Buffer; leaves: number }[] = [];
  let size = 0;
  return {
    add: (hash, leaves = 1) => {
      const last = subtrees.at(-1);
      if (last && !isPowerOfTwo(last.leaves)) throw new Error('nothing can follow the rest of a tree');
      if (size % 2 ** Math.ceil(Math.log2(leaves)) !== 0)
        throw new Error(`a subtree of ${leaves} cannot start at ${size}`);
      size += leaves;
      let node = { hash, leaves };
      for (let left = subtrees.at(-1); left && left.leaves === node.leaves; left = subtrees.at(-1)) {
        subtrees.pop();
        node = { hash: hashPair(left.hash, node.hash), leaves: left.leaves + node.leaves };
      }
      subtrees.push(node);
    },
    size: () => size,
    root: () => {
      const [last, ...lefts] = subtrees.toReversed();
      return last ? lefts.reduce((right, left) => hashPair(left.hash, right), last.hash) : EMPTY_ROOT;
    },
  };
}

function isPowerOfTwo(n: number): boolean {
  return n > 0 && Number.isInteger(Math.log2(n));
}
