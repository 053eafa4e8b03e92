// What is in the repository: no path of somebody's machine, no file too long to read.
import { execFileSync } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const LINES_MAX = 330; // about 300, says the house style
// Tables that were generated, and why.
const mayBeLong = [/^analytics\/decode\/reference\//, /^package-lock\.json$/, /^test\/fixtures\//];

// Known to be too long: they may not grow, and go from here once they are split.
const toBeSplit = new Map<string, number>();

const files = execFileSync('git', ['ls-files', '-z'], { maxBuffer: 1 << 26 })
  .toString()
  .split('\0')
  .filter((path) => path !== '' && lstatSync(path, { throwIfNoEntry: false })?.isFile());
const isText = (path: string) => /\.(tsx?|mjs|js|sql|json|ya?ml|md|html|css|txt|gitignore|npmrc)$|^[^.]+$/.test(path);

describe('tracked files', () => {
  it('were seen', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(files).toContain('analytics/store/store.ts');
  });

  it('name no place of the machine they were written on', () => {
    const home = dirname(resolve('.'));
    // directories that every machine has name none
    const isCommon = ['/', '/tmp', '/var/tmp', '/home', '/root', '/opt', '/srv'].includes(home);
    // in pieces, for this file is tracked as well
    const places = [...(isCommon ? [] : [`${home}/`]), ['', 'work', ''].join('/'), ['', 'tmp', 'rec'].join('/')];
    const naming = files
      .filter((path) => isText(path) && !path.startsWith('test/fixtures/'))
      .filter((path) => {
        const text = readFileSync(path, 'utf8');
        return places.some((place) => text.includes(place));
      });
    expect(naming).toEqual([]);
  });

  it('hold no half of a merge', () => {
    const marks = ['<', '=', '>'].map((sign) => sign.repeat(7));
    const isMark = (line: string) =>
      marks.some((mark) => line === mark || (line.startsWith(`${mark} `) && !mark.startsWith('=')));
    const half = files
      .filter((path) => isText(path) && !path.startsWith('test/fixtures/'))
      .filter((path) => readFileSync(path, 'utf8').split('\n').some(isMark));
    expect(half).toEqual([]);
  });

  it(`of source have at most ${LINES_MAX} lines`, () => {
    const source = files.filter((path) => /\.(tsx?|mjs|sql)$/.test(path) && !mayBeLong.some((rule) => rule.test(path)));
    expect(source.length).toBeGreaterThan(80);
    for (const path of toBeSplit.keys()) expect(source).toContain(path);
    const long = source.map((path) => ({ path, lines: readFileSync(path, 'utf8').split('\n').length - 1 }));
    expect(long.filter(({ path, lines }) => lines > (toBeSplit.get(path) ?? LINES_MAX))).toEqual([]);
  });
});
