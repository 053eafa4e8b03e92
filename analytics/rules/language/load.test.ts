import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadRules } from './load.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-load-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const rule = (title: string) =>
  `title: ${title}\nlogsource: { product: x }\ndetection: { s: { a: 1 }, condition: s }\nlevel: low\n`;
mkdirSync(join(directory, 'below'));
writeFileSync(join(directory, 'one.yml'), rule('one'));
writeFileSync(join(directory, 'below', 'two.yaml'), rule('two'));
writeFileSync(join(directory, 'three.txt'), rule('three'));

it('rules are those of all files below a directory, or of one file', async () => {
  const titles = async (path: string) => (await loadRules(path)).rules.map(({ title, path: of }) => `${of}: ${title}`);
  expect(await titles(directory)).toEqual(['below/two.yaml: two', 'one.yml: one']);
  expect(await titles(join(directory, 'one.yml'))).toEqual(['one.yml: one']);
});
