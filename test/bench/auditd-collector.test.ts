// The bench of auditd's collector, in a short form: it measures what it says, and the collector is small.
import { describe, expect, it } from 'vitest';
import { isAvailable } from '../../ingest/collect/test-support/auditd.ts';
import { measureAuditdCollector } from './auditd-collector.ts';

// a node runs it beside its work
const RSS_BYTES_MAX = 120e6;

describe.skipIf(!isAvailable() && !process.env['CI'])('the collector of auditd under load', () => {
  it('costs little, by its log and by its socket', async () => {
    for (const kind of ['auditd-log', 'audisp-socket'] as const) {
      const figures = await measureAuditdCollector(kind, { programsPerSecond: 300, seconds: 3 });
      console.info(JSON.stringify(figures));
      expect(figures.lines).toBeGreaterThan(900 * 6);
      expect(figures.cpuSeconds).toBeGreaterThan(0);
      // half of a processor for a third of the load it is made for would be a fault; what it costs exactly: npm run bench
      expect(figures.cpuSeconds).toBeLessThan(0.5 * figures.seconds + 0.5);
      expect(figures.rssBytesMax).toBeLessThan(RSS_BYTES_MAX);
    }
  });
});
