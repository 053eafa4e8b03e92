import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTree } from './merkle.ts';

const sha256 = (...parts: Uint8Array[]): Buffer => parts.reduce((h, p) => h.update(p), createHash('sha256')).digest();
const leafOf = (data: Uint8Array): Buffer => sha256(Buffer.from([0]), data);

/** RFC 6962 section 2.1, word for word: split at the largest power of two smaller than n. */
function merkleTreeHash(leaves: readonly Buffer[]): Buffer {
  const n = leaves.length;
  if (n === 0) return sha256(Buffer.alloc(0));
  if (n === 1) return leaves[0] as Buffer;
  let k = 1;
  while (k * 2 < n) k *= 2;
  return sha256(Buffer.from([1]), merkleTreeHash(leaves.slice(0, k)), merkleTreeHash(leaves.slice(k)));
}

const rootOf = (leaves: readonly Buffer[]) => {
  const tree = createTree();
  for (const leaf of leaves) tree.add(leaf);
  return tree.root();
};

// from certificate-transparency, merkletree/merkle_tree_test.cc: inputs and the roots over the first 1..8 of them
const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const roots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

describe('the tree of a seal', () => {
  it('gives the roots of the Certificate Transparency test vectors', () => {
    const leaves = inputs.map((hex) => leafOf(Buffer.from(hex, 'hex')));
    expect(roots.map((_, i) => rootOf(leaves.slice(0, i + 1)).toString('hex'))).toEqual(roots);
    expect(rootOf([]).toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('is the recursive definition of RFC 6962 for any number of leaves', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 4 }), { maxLength: 300 }), (data) => {
        const leaves = data.map(leafOf);
        expect(rootOf(leaves)).toEqual(merkleTreeHash(leaves));
      }),
    );
  });

  it('takes perfect subtrees and a last rest in place of their leaves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 0, max: 4 }), (n, level) => {
        const leaves = Array.from({ length: n }, (_, i) => leafOf(Buffer.from(String(i))));
        const tree = createTree();
        for (let i = 0; i < n; i += 2 ** level) {
          const chunk = leaves.slice(i, i + 2 ** level);
          tree.add(merkleTreeHash(chunk), chunk.length);
        }
        expect(tree.size()).toBe(n);
        expect(tree.root()).toEqual(merkleTreeHash(leaves));
      }),
    );
  });

  it('changes with any change of a leaf, of their order or of their number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 100 }), fc.nat(), (n, at) => {
        const leaves = Array.from({ length: n }, (_, i) => leafOf(Buffer.from(String(i))));
        const i = at % n;
        const root = rootOf(leaves).toString('hex');
        const others = [
          leaves.with(i, leafOf(Buffer.from('other'))),
          leaves.with(i, leaves[(i + 1) % n] as Buffer),
          leaves.toSpliced(i, 1),
          [...leaves, leaves.at(-1) as Buffer],
        ];
        for (const other of others) expect(rootOf(other).toString('hex')).not.toBe(root);
      }),
    );
  });

  it('refuses a subtree that does not stand where one can stand', () => {
    const leaf = leafOf(Buffer.from('x'));
    const shifted = createTree();
    shifted.add(leaf);
    expect(() => shifted.add(leaf, 2)).toThrow(/cannot start/);
    const rest = createTree();
    rest.add(leaf, 3);
    expect(() => rest.add(leaf)).toThrow(/nothing can follow/);
  });
});
