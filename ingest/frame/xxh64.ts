// XXH64, the checksum in zstd frames (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md). Lanes of 64 bits are pairs
// of 32, for BigInt is fifty times slower; only the end, once a frame, is BigInt.

const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;
const [P1_LO, P1_HI] = [0x85ebca87, 0x9e3779b1];
const [P2_LO, P2_HI] = [0x27d4eb4f, 0xc2b2ae3d];
const STRIPE = 32;

const u64 = (n: bigint) => BigInt.asUintN(64, n);
const rotate = (n: bigint, by: bigint) => u64((n << by) | (n >> (64n - by)));
const round = (lane: bigint, input: bigint) => u64(rotate(u64(lane + input * P2), 31n) * P1);

export interface Xxh64 {
  update(bytes: Uint8Array): void;
  digest(): bigint;
}

/** XXH64 with seed 0. */
export function createXxh64(): Xxh64 {
  const lanes = new Uint32Array(8); // lo, hi of four
  for (const [i, n] of [u64(P1 + P2), P2, 0n, u64(-P1)].entries()) {
    lanes[2 * i] = Number(n & 0xffffffffn);
    lanes[2 * i + 1] = Number(n >> 32n);
  }
  const rest = new Uint8Array(STRIPE);
  let restBytes = 0;
  let total = 0;

  return {
    update: (bytes) => {
      total += bytes.length;
      let at = 0;
      if (restBytes > 0) {
        at = Math.min(STRIPE - restBytes, bytes.length);
        rest.set(bytes.subarray(0, at), restBytes);
        restBytes += at;
        if (restBytes < STRIPE) return;
        mixStripes(lanes, rest, 0, STRIPE);
        restBytes = 0;
      }
      const end = at + Math.floor((bytes.length - at) / STRIPE) * STRIPE;
      mixStripes(lanes, bytes, at, end);
      restBytes = bytes.length - end;
      rest.set(bytes.subarray(end));
    },
    digest: () => finish(lanes, rest.subarray(0, restBytes), total),
  };
}

/** lane = rotate(lane + input * P2, 31) * P1 for each of the four lanes of each stripe. */
function mixStripes(lanes: Uint32Array, bytes: Uint8Array, from: number, to: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = from; at < to; at += STRIPE) {
    for (let lane = 0; lane < 8; lane += 2) {
      const inLo = view.getUint32(at + lane * 4, true);
      const inHi = view.getUint32(at + lane * 4 + 4, true);
      const productLo = Math.imul(inLo, P2_LO) >>> 0;
      const productHi = (highHalf(inLo, P2_LO) + Math.imul(inLo, P2_HI) + Math.imul(inHi, P2_LO)) >>> 0;
      const lo = (lanes[lane] ?? 0) + productLo;
      const hi = ((lanes[lane + 1] ?? 0) + productHi + (lo > 0xffffffff ? 1 : 0)) >>> 0;
      const turnedLo = ((lo << 31) | (hi >>> 1)) >>> 0;
      const turnedHi = ((hi << 31) | ((lo >>> 0) >>> 1)) >>> 0;
      lanes[lane] = Math.imul(turnedLo, P1_LO);
      lanes[lane + 1] = highHalf(turnedLo, P1_LO) + Math.imul(turnedLo, P1_HI) + Math.imul(turnedHi, P1_LO);
    }
  }
}

/** The upper 32 bits of the product of two unsigned 32-bit numbers. */
function highHalf(a: number, b: number): number {
  const [aLo, aHi, bLo, bHi] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const first = aHi * bLo + ((aLo * bLo) >>> 16);
  const second = aLo * bHi + (first & 0xffff);
  return aHi * bHi + (first >>> 16) + (second >>> 16);
}

function finish(lanes: Uint32Array, rest: Uint8Array, total: number): bigint {
  const [a = 0n, b = 0n, c = 0n, d = 0n] = [0, 2, 4, 6].map(
    (i) => (BigInt(lanes[i + 1] ?? 0) << 32n) | BigInt(lanes[i] ?? 0),
  );
  let hash = P5;
  if (total >= STRIPE) {
    hash = u64(rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n));
    for (const lane of [a, b, c, d]) hash = u64((hash ^ round(0n, lane)) * P1 + P4);
  }
  hash = u64(hash + BigInt(total));
  const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
  let at = 0;
  for (; at + 8 <= rest.length; at += 8)
    hash = u64(rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4);
  if (at + 4 <= rest.length) {
    hash = u64(rotate(hash ^ u64(BigInt(view.getUint32(at, true)) * P1), 23n) * P2 + P3);
    at += 4;
  }
  for (; at < rest.length; at++) hash = u64(rotate(hash ^ u64(BigInt(rest[at] ?? 0) * P5), 11n) * P1);
  hash = u64((hash ^ (hash >> 33n)) * P2);
  hash = u64((hash ^ (hash >> 29n)) * P3);
  return hash ^ (hash >> 32n);
}
