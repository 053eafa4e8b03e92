import { defineConfig } from 'vitest/config';
import { textModules } from './text-modules.ts';

// Two cores and an engine that takes 300 MB a process: few workers, one more than cores because tests of outages wait much of their time;
// each test file in a process of its own
// (the native engine holds one path a process).
const shared = { plugins: [textModules()] };
const limits = {
  pool: 'forks' as const,
  testTimeout: 300_000,
  hookTimeout: 180_000,
  maxConcurrency: 20,
  // what is waited for comes when the machine has time for it: one second is too short beside two other suites
  expect: { poll: { timeout: 10_000 } },
};

export default defineConfig({
  test: {
    maxWorkers: 3,
    projects: [
      { ...shared, test: { ...limits, name: 'unit', include: ['{ingest,analytics,cli,web}/**/*.test.ts'] } },
      {
        ...shared,
        test: {
          ...limits,
          name: 'whole',
          include: ['test/{conformance,contract,end-to-end,fault,bench,fuzz}/**/*.test.ts'],
        },
      },
      { ...shared, test: { ...limits, name: 'tidy', include: ['test/tidy/**/*.test.ts'] } },
    ],
  },
});
