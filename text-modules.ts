// The test runner's half of importing SQL files as text (esbuild has a loader for it, see build.mjs).
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

export const textModules = (): Plugin => ({
  name: 'text-modules',
  enforce: 'pre',
  load: (id) => (id.endsWith('.sql') ? `export default ${JSON.stringify(readFileSync(id, 'utf8'))};` : undefined),
});
