// Numbers by chance that come again with the same seed (mulberry32), so that a failed run can be run again.
export interface Random {
  readonly seed: number;
  /** In [0, 1). */
  next(): number;
  /** Whole, in [from, to). */
  between(from: number, to: number): number;
  pick<T>(of: readonly T[]): T;
  /** A copy in another order (Fisher and Yates). */
  shuffled<T>(of: readonly T[]): T[];
}

export function createRandom(seed = Number(process.env['VESTIGE_SEED'] ?? Date.now() % 2 ** 31)): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (from: number, to: number) => from + Math.floor(next() * (to - from));
  const shuffled = <T>(of: readonly T[]): T[] => {
    const out = [...of];
    for (let i = out.length - 1; i > 0; i--) {
      const j = between(0, i + 1);
      [out[i], out[j]] = [out[j] as T, out[i] as T];
    }
    return out;
  };
  return { seed, next, between, pick: (of) => of[between(0, of.length)] as (typeof of)[number], shuffled };
}
