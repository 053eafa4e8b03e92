// Batches that the audit webhook refused for their size. The API server sends them a few times and drops them: a gap, which nothing else
// would tell of.
import type { CollectorPlace } from '../collector.ts';

export interface RefusedBatches {
  /** @param bytes of the batch, when its header says */
  note(bytes: number | undefined): void;
  /** Reports what was noted and not reported. */
  end(): void;
}

// A batch is sent five times within two minutes (k8s.io/apiserver: 10 s, factor 1.5): one gap for most of that, not one each.
const TOGETHER_MS = 60_000;

export function createRefusedBatches(
  { report, now }: Pick<CollectorPlace, 'report' | 'now'>,
  stream: string,
  limit: string,
  togetherMs = TOGETHER_MS,
): RefusedBatches {
  let open: { fromMs: number; toMs: number; times: number; bytes: number; timer: NodeJS.Timeout } | undefined;
  const end = () => {
    if (open === undefined) return;
    const { fromMs, toMs, times, bytes, timer } = open;
    clearTimeout(timer);
    open = undefined;
    const detail = `${times} times a batch was refused: ${limit}`;
    report({ reason: 'batch-refused', source: 'k8s-audit', stream, fromMs, toMs, bytes, detail });
  };
  return {
    note: (bytes = 0) => {
      const at = now().getTime();
      open ??= { fromMs: at, toMs: at, times: 0, bytes: 0, timer: setTimeout(end, togetherMs).unref() };
      open.toMs = Math.max(open.toMs, at);
      open.times++;
      open.bytes += bytes;
    },
    end,
  };
}
