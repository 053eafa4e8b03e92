import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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

it('of links are followed, each file once by its shortest path, and those that lead nowhere are told', async () => {
  const mounted = join(directory, 'mounted');
  mkdirSync(join(mounted, '..2026_11_27'), { recursive: true });
  writeFileSync(join(mounted, '..2026_11_27', 'four.yml'), rule('four'));
  symlinkSync('..2026_11_27', join(mounted, '..data'));
  symlinkSync(join('..data', 'four.yml'), join(mounted, 'four.yml'));
  symlinkSync('.', join(mounted, 'again'));
  symlinkSync('gone', join(mounted, 'five.yml'));
  symlinkSync('six.yml', join(mounted, 'six.yml'));
  const { rules, problems } = await loadRules(mounted);
  expect(rules.map(({ title, path }) => `${path}: ${title}`)).toEqual(['four.yml: four']);
  expect(problems.map(({ path, detail }) => `${path}: ${detail}`)).toEqual([
    'five.yml: a link that leads nowhere',
    'six.yml: a link that leads nowhere',
  ]);
});
