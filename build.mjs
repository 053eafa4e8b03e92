// Makes dist/: vestige.js and chunks/ (the program), pack/ (the rules), sample/ (the recorded intrusion of the demo), web/ (the page).
import { cpSync, existsSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

// zod brings its words in fifty languages, 3 MB of memory for every command
const english = {
  name: 'english',
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    })),
};
rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints: ['cli/main.ts'],
  outdir: 'dist',
  entryNames: 'vestige',
  // a command loads what it needs, and no more
  splitting: true,
  plugins: [english],
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  sourcemap: true,
  loader: { '.sql': 'text' },
  // the engine is a native library and stays in node_modules
  external: ['chdb', 'chdb/connection'],
  banner: {
    // commander and yaml are CommonJS inside; an ES module bundle has no require of its own
    js: "import { createRequire as vestigeRequire } from 'node:module';\nconst require = vestigeRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
cpSync('analytics/rules/pack', 'dist/pack', { recursive: true });
const recording = 'test/fixtures/recordings/web-to-cluster';
const logs = ['audit.log.zst', 'containerd-events.log.zst', 'containers.jsonl.zst', 'k8s-audit.log.zst', 'node.json'];
for (const log of logs) cpSync(`${recording}/${log}`, `dist/sample/${log}`);
if (existsSync('web/ui/index.html')) {
  const { build: buildPage } = await import('vite');
  await buildPage({
    root: 'web/ui',
    base: './',
    logLevel: 'warn',
    build: { outDir: '../../dist/web', emptyOutDir: true },
  });
}
