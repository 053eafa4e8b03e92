// Where a collector under test works: a real spool, as the runtime of collectors has it.
import { uptime } from 'node:os';
import type { RecordEntry } from '../../../spool/entry.ts';
import type { Gap } from '../../../spool/gap.ts';
import { openSpool, type Spool } from '../../../spool/spool.ts';
import type { CollectorPlace } from '../../collector.ts';

export interface SpoolPlace extends CollectorPlace {
  readonly gaps: Gap[];
  readonly said: string[];
  /** While set, nothing is taken (`emit`), or written (`committed`). */
  broken: 'emit' | 'committed' | undefined;
  /** Aborts `stop`. */
  end(): void;
  close(): Promise<void>;
}

// A few batches: whoever is killed is killed among segments that are prepared, begun and ended, too.
const SEGMENT_BYTES = 512 * 1024;

const open = (directory: string): Promise<Spool> =>
  openSpool({
    ...{ directory, bytesMax: 4 * 1024 ** 3, ageMsMax: 86_400_000, segmentBytes: SEGMENT_BYTES },
    ...{ boot: { id: 'boot', uptimeS: uptime }, source: 'k8s-audit', now: () => new Date() },
    onGap: ({ detail }) => {
      throw new Error(detail);
    },
  });

export async function openSpoolPlace(directory: string): Promise<SpoolPlace> {
  const spool = await open(directory);
  const stop = new AbortController();
  const gaps: Gap[] = [];
  const said: string[] = [];
  const place: SpoolPlace = {
    emit: (record) => {
      if (place.broken === 'emit') return false;
      const { raw, attrs = {}, node = '', ...rest } = record;
      const own = { cluster: 'test', collector: 'test@here', boot_id: 'boot', received_at: Date.now() * 1000 };
      return spool.append({ kind: 'record', meta: { ...rest, ...own, node, attrs }, raw });
    },
    checkpoint: (stream, state) => void spool.append({ kind: 'checkpoint', stream, state: Buffer.from(state) }),
    restored: spool.restored,
    committed: (upTo) =>
      place.broken === 'committed' ? Promise.reject(new Error('no space left on device')) : spool.committed(upTo),
    report: (gap) => void gaps.push(gap),
    say: (text) => void said.push(text),
    now: () => new Date(),
    stop: stop.signal,
    ...{ gaps, said, broken: undefined, end: () => stop.abort(), close: spool.close },
  };
  return place;
}

/** All that a spool holds. Takes it out; nobody may have it open. */
export async function readSpool(directory: string): Promise<RecordEntry[]> {
  const spool = await open(directory);
  const records: RecordEntry[] = [];
  for (let batch = await spool.read(8 << 20); batch; batch = await spool.read(8 << 20)) {
    // views of the buffer of the batch
    for (const record of batch.records) records.push({ ...record, raw: Buffer.from(record.raw) });
    spool.acknowledge(batch);
  }
  await spool.close();
  return records;
}
