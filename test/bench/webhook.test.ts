// The API server never waits. The figures are those of a quiet machine and `npm run bench`; these bounds hold where all tests run at once.
import { expect, it } from 'vitest';
import { measureWebhook } from './webhook.ts';

const seconds = Number(process.env['VESTIGE_BENCH_SECONDS'] ?? 2);
const LOAD = { eventsPerSecond: 2000, warmUpSeconds: seconds / 2, batch: { min: 100, max: 400 } };

it('two thousand audit events a second are acknowledged in time, none is refused', async () => {
  const figures = await measureWebhook({ seconds, ...LOAD });
  if (seconds > 2) console.log(figures, `${(1e6 * figures.cpuSeconds) / figures.events} us of processor an event`);
  expect(figures.events, 'but for the batches around the beginning').toBeGreaterThan(1600 * seconds);
  expect(figures.failed).toBe(0);
  expect(figures.p50Ms).toBeLessThan(300);
  expect(figures.rssBytesMax).toBeLessThan(150e6);
});
