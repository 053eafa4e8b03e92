// What waits in memory to be written to a spool, and how much of it goes in one write.

/** A frame. */
export interface Part {
  bytes: Buffer;
  /** What it says, when it is one. */
  checkpoint?: { stream: string; state: string };
}

/** Appended, and not on disk yet. */
export interface Pending {
  parts: Part[];
  bytes: number;
}

/** How far: everything, or not what is behind the last checkpoint, of which nobody is told yet. */
export type CommitUpTo = 'all' | 'checkpoint';

/** What of it is to be written, and what stays. */
export function taken(pending: Pending, upTo: CommitUpTo): Pending & { rest: Pending } {
  const { parts, bytes } = pending;
  if (upTo === 'all') return { ...pending, rest: nothingPending() };
  const end = parts.findLastIndex(({ checkpoint }) => checkpoint !== undefined) + 1;
  if (end === parts.length) return { ...pending, rest: nothingPending() };
  const rest = parts.slice(end);
  const restBytes = sizeOf(rest);
  return { parts: parts.slice(0, end), bytes: bytes - restBytes, rest: { parts: rest, bytes: restBytes } };
}

export const nothingPending = (): Pending => ({ parts: [], bytes: 0 });
export const sizeOf = (parts: readonly Part[]): number => parts.reduce((sum, { bytes }) => sum + bytes.length, 0);

/**
 * What is written next: of at most so many bytes, but one at least. Cut behind a checkpoint wherever one follows, so that it is written with the
 * records it tells of; unless that would be no less than `failedBytes`, which found no room.
 */
export function nextOf(parts: readonly Part[], from: number, bytesMax: number, failedBytes: number): readonly Part[] {
  const some = upTo(bytesMax, parts, from);
  const last = some.findLastIndex(({ checkpoint }) => checkpoint !== undefined);
  if (last !== -1) return some.slice(0, last + 1);
  const next = parts.findIndex(({ checkpoint }, i) => i >= from && checkpoint !== undefined);
  const group = next === -1 ? some : parts.slice(from, next + 1);
  return sizeOf(group) < failedBytes ? group : some;
}

/** Parts of at most so many bytes together, but one at least. */
function upTo(bytesMax: number, parts: readonly Part[], from: number): Part[] {
  let to = from;
  for (let bytes = 0; to < parts.length; to++) {
    bytes += parts[to]?.bytes.length ?? 0;
    if (bytes > bytesMax && to > from) break;
  }
  return parts.slice(from, to);
}
