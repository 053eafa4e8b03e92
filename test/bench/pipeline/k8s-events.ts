// Audit events of about a kilobyte: those the API server writes at level Metadata, the level of most audit policies. In the recordings they
// are four of five events and have 1.12 KB on average; those with bodies have 4.5 KB, all together 1.85 KB.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { RecordEntry } from '../../../ingest/spool/entry.ts';
import type { RecordMeta } from '../../../ingest/spool/record-meta.ts';
import { type Generated, generateFile } from '../generate/generate.ts';

const WITHOUT_BODY = /"level":"Metadata"/;

export const generateEvents = (path: string, events: number): Generated =>
  generateFile(path, { kind: 'k8s', events, seed: 1, fixtures: 'test/fixtures/recordings', only: WITHOUT_BODY });

/** As the collector of the API server's log writes it, member by member. */
const metaOf = (position: number): RecordMeta => ({
  ...{ source: 'k8s-audit', cluster: 'production', node: '', collector: 'k8s-audit@control-plane-1' },
  ...{ boot_id: '3f0c9a5e-0b1d-4c55-9d5b-6c7d0e8f9a10', received_at: Date.now() * 1000 },
  ...{ stream: '/var/log/kubernetes/audit.log', position, lines: 1, attrs: { file: '65024:1234567' } },
});

/** The events of a log as a collector sends them, a batch at a time. */
export async function* entriesOf(path: string, perBatch: number): AsyncIterable<RecordEntry[]> {
  let batch: RecordEntry[] = [];
  let position = 0;
  for await (const line of createInterface({ input: createReadStream(path, 'latin1') })) {
    const raw = Buffer.from(line, 'latin1');
    batch.push({ kind: 'record', meta: metaOf(position), raw });
    position += raw.length + 1;
    if (batch.length < perBatch) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
