// Spools in directories of their own, closed and removed after the tests.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach } from 'vitest';
import type { Entry } from '../entry.ts';
import type { Gap } from '../gap.ts';
import { openSpool, type Spool, type SpoolOptions } from '../spool.ts';

export const root = mkdtempSync(join(tmpdir(), 'vestige-spool-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let n = 0;
/** A directory of its own. */
export const newDirectory = (): string => join(root, String(++n));
export const opened: Spool[] = [];
afterEach(async () => {
  for (const spool of opened.splice(0)) await spool.close().catch(() => undefined);
});

export const record = (
  text: string | Buffer,
  more: { source?: 'auditd' | 'collector'; attrs?: Record<string, string> } = {},
): Entry => ({
  kind: 'record',
  raw: Buffer.from(text as string),
  meta: {
    source: more.source ?? 'auditd',
    cluster: 'c',
    node: 'n',
    collector: 'auditd@n',
    boot_id: 'b',
    received_at: 1_700_000_000_000_000,
    stream: '/var/log/audit/audit.log',
    position: 1,
    lines: 1,
    attrs: more.attrs ?? {},
  },
});

/** Seconds since the boot, as the spool is told. */
export const clock = { uptimeS: 1000 };
const boot = { id: 'boot-1', uptimeS: () => clock.uptimeS };
export const gaps: Gap[] = [];
export async function open(
  directory = newDirectory(),
  options: Partial<SpoolOptions> = {},
): Promise<Spool & { directory: string }> {
  const spool = await openSpool({
    ...{ directory, bytesMax: 1 << 20, ageMsMax: 3_600_000, segmentBytes: 64 * 1024 },
    ...{ boot, source: 'auditd', now: () => new Date(), onGap: (gap) => gaps.push(gap) },
    ...options,
  });
  opened.push(spool);
  return { ...spool, directory };
}
export const shut = async (spool: Spool) => {
  opened.splice(0);
  await spool.close();
};

export async function readAll(spool: Spool, bytes = 8192): Promise<string[]> {
  const out: string[] = [];
  for (let batch = await spool.read(bytes); batch; batch = await spool.read(bytes)) {
    out.push(...batch.records.map(({ raw }) => raw.toString()));
    spool.acknowledge(batch);
  }
  return out;
}
export const names = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `record ${from + i} ${'x'.repeat(500)}`);
