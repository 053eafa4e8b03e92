// Bundles a program for measuring and trying and runs it: node test/bench/start.mjs bench|generate|fuzz|attribution [arguments]
import { spawnSync } from 'node:child_process';
import { build } from 'esbuild';

const programs = {
  bench: 'test/bench/main.ts',
  entities: 'test/bench/entities/main.ts',
  rules: 'test/bench/rules/main.ts',
  generate: 'test/bench/generate/main.ts',
  fuzz: 'test/fuzz/main.ts',
  attribution: 'test/bench/attribution/main.ts',
};
const [name, ...args] = process.argv.slice(2);
if (!(name in programs)) throw new Error(`one of ${Object.keys(programs).join(', ')}`);
// below dist, where the engine's package is found
const outfile = `dist/bench/${name}.js`;
await build({
  entryPoints: [programs[name]],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  external: ['chdb', 'chdb/connection', 'esbuild'],
  loader: { '.sql': 'text' },
  // CommonJS packages inside an ES module have no require of their own
  banner: {
    js: "import { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);",
  },
  logLevel: 'warning',
});
process.exitCode = spawnSync(process.execPath, [outfile, ...args], { stdio: 'inherit' }).status ?? 1;
