// What the store holds, at a glance.
import { z } from 'zod';
import type { Store } from '../../../analytics/store/store.ts';
import type { Overview } from '../types.ts';
import histogramSql from './overview.sql';
import { Count, Layer, Severity } from './row.ts';

// more parts than the strip has pixels on a small screen would not be seen
const HISTOGRAM_PARTS = 240;

const Part = z.object({ layer: Layer, part: Count, n: Count, from_ms: Count, to_ms: Count });
const Counts = z.object({ records: Count, chains: Count, clusters: z.array(z.string()) });
const OfSeverity = z.object({ severity: Severity, n: Count });

export async function readOverview(store: Store): Promise<Overview> {
  const [counts, findings, parts] = await Promise.all([
    store.rows(`SELECT (SELECT count() FROM records) AS records, (SELECT count() FROM chains FINAL) AS chains,
      (SELECT arraySort(groupUniqArray(cluster)) FROM records) AS clusters`),
    store.rows("SELECT severity, count() AS n FROM findings FINAL WHERE suppressed_by = '' GROUP BY severity"),
    store.rows(histogramSql, { parts: HISTOGRAM_PARTS }),
  ]);
  const bins = z.array(Part).parse(parts);
  const first = bins[0];
  return {
    location: store.location,
    ...Counts.parse(counts[0]),
    range: first ? { from: first.from_ms, to: first.to_ms } : null,
    layers: { 'k8s-audit': total(bins, 'k8s-audit'), runtime: total(bins, 'runtime'), auditd: total(bins, 'auditd') },
    findings: Object.fromEntries(findings.map((row) => OfSeverity.parse(row)).map((f) => [f.severity, f.n])),
    histogram: {
      'k8s-audit': series(bins, 'k8s-audit'),
      runtime: series(bins, 'runtime'),
      auditd: series(bins, 'auditd'),
    },
  };
}

type Bins = readonly z.infer<typeof Part>[];

function total(bins: Bins, layer: z.infer<typeof Layer>): number {
  return bins.reduce((sum, bin) => sum + (bin.layer === layer ? bin.n : 0), 0);
}

function series(bins: Bins, layer: z.infer<typeof Layer>): number[] {
  const values = new Array<number>(HISTOGRAM_PARTS).fill(0);
  for (const bin of bins) if (bin.layer === layer) values[bin.part] = bin.n;
  return values;
}
