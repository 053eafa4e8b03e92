// What is known of how far the clocks of the nodes differ from the API server's, for correlations over several layers.
import { z } from 'zod';
import { type Clocks, createClocks } from '../../entities/clocks/clocks.ts';
import type { Store } from '../../store/store.ts';

const Offset = z.object({
  cluster: z.string(),
  node: z.string(),
  layer: z.enum(['runtime', 'auditd']),
  reference: z.enum(['k8s-audit', 'runtime']),
  window_begin_us: z.coerce.number(),
  window_end_us: z.coerce.number(),
  offset_us: z.coerce.number(),
  uncertainty_us: z.coerce.number(),
  pairs: z.coerce.number(),
});

const SQL = `
SELECT cluster, node, layer, reference, toUnixTimestamp64Micro(window_begin) AS window_begin_us,
    toUnixTimestamp64Micro(window_end) AS window_end_us, offset_us, uncertainty_us, pairs
FROM clock_offsets FINAL
ORDER BY cluster, node, layer, reference, window_begin`;

/** Changes when they do. */
export async function clockDigest(store: Store): Promise<string> {
  const hash = 'cityHash64(* EXCEPT (version, is_deleted))';
  const rows = await store.rows(
    `SELECT toString(groupBitXor(${hash})) AS digest FROM clock_offsets FINAL`,
    {},
    'background',
  );
  return String(rows[0]?.['digest'] ?? '');
}

export async function knownClocks(store: Store): Promise<Clocks> {
  const offsets = z.array(Offset).parse(await store.rows(SQL));
  return createClocks(offsets.map((offset) => ({ ...offset, digests: [] })));
}
