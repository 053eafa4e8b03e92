// What a segment holds, told before it is dropped: so much of which stream, from when to when; and what is never dropped, to be kept.

import { encodeEntry } from './entry.ts';
import type { Gap } from './gap.ts';
import type { RecordMeta } from './record-meta.ts';
import { scanSegment } from './segments.ts';

export interface Droppings {
  gaps: Gap[];
  /** Frames of notices that tell of gaps and starts: they go on in the newest segment. */
  kept: Buffer[];
}

const DETAIL = 'the spool was full or too old: oldest records were dropped';

/** @param from what lies before was acknowledged */
export async function dropOf(path: string, from: number): Promise<Droppings> {
  const gaps = new Map<string, Gap>();
  const kept: Buffer[] = [];
  const { damage } = await scanSegment(path, from, (entry, end) => {
    // the opening and its checkpoints stand again in every later segment
    if (entry.kind !== 'record' || end <= from) return;
    const { meta, raw } = entry;
    if (meta.source !== 'collector') count(gaps, meta, raw.length);
    else if (meta.attrs['notice'] !== 'heartbeat') kept.push(encodeEntry(entry));
  });
  const all = [...gaps.values()];
  if (damage !== undefined) for (const gap of all) gap.detail += `; the segment was damaged besides (${damage})`;
  return { gaps: all, kept };
}

function count(gaps: Map<string, Gap>, { source, stream, received_at }: RecordMeta, bytes: number): void {
  if (source === 'collector') return;
  const ms = Math.floor(received_at / 1000);
  const key = `${source} ${stream}`;
  const gap = gaps.get(key);
  if (gap === undefined) {
    gaps.set(key, { reason: 'spool-full', source, stream, fromMs: ms, toMs: ms, records: 1, bytes, detail: DETAIL });
    return;
  }
  gap.fromMs = Math.min(gap.fromMs, ms);
  gap.toMs = Math.max(gap.toMs, ms);
  gap.records = (gap.records ?? 0) + 1;
  gap.bytes = (gap.bytes ?? 0) + bytes;
}
