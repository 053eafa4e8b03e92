import { runInNewContext } from 'node:vm';
// Texts that every match of an expression holds: a row more does no harm, a row less would hide an attack.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { literalsOf } from './regex-literals.ts';

describe('texts that a match holds', () => {
  it.each([
    ['abc', ['abc']],
    ['^/usr/(local/)?bin/(nc|ncat)$', ['/usr/bin/nc', '/usr/bin/ncat', '/usr/local/bin/nc', '/usr/local/bin/ncat']],
    ['(?i)Stratum\\+tcp', ['stratum+tcp']],
    ['\\s(-i|--interactive)\\b', ['-i', '--interactive']],
    ['curl.*\\|\\s*sh', ['curl']],
    ['a+bcd', ['bcd']],
    ['(ab)+', ['ab']],
    ['[ab]cd', ['acd', 'bcd']],
    ['x{2}yz', ['yz']],
    ['\\x41b', ['ab']],
  ])('of %s are %j', (source, texts) => {
    expect([...(literalsOf(source) ?? [])].sort()).toEqual([...texts].sort());
  });

  it.each(['.*', 'a', 'abc|', '(abc)?', '\\d+', 'abc|\\d', '[^a]', '\\QA', 'é', '(?=ab)', 'a|bc'])(
    'of %s are not told',
    (source) => {
      expect(literalsOf(source)).toBeUndefined();
    },
  );

  // expressions made of what both RE2 and JavaScript read alike, and strings of the few characters they are made of
  const { expression } = fc.letrec((tie) => ({
    expression: fc.array(tie('branch'), { minLength: 1, maxLength: 3 }).map((branches) => branches.join('|')),
    branch: fc.array(tie('piece'), { maxLength: 5 }).map((pieces) => pieces.join('')),
    piece: fc
      .tuple(tie('atom'), fc.constantFrom('', '', '', '', '', '', '*', '+', '?', '{2}', '{0,1}', '{1,}', '+?'))
      .map(([atom, quantifier]) => `${atom}${quantifier}`),
    atom: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(
        'ab',
        'bc',
        'C/',
        'ca',
        'a',
        'b',
        '/',
        '\\.',
        '\\w',
        '.',
        '[ab]',
        '[^a]',
        '[a-c]',
        '\\x62',
        '\\s',
        ' ',
      ),
      tie('expression').map((inside) => `(?:${inside})`),
      tie('expression').map((inside) => `(${inside})`),
    ),
  })) as { expression: fc.Arbitrary<string> };
  const subject = fc
    .array(fc.constantFrom('ab', 'bc', 'C/', 'ca', 'A', 'b', '/', '.', ' '), { maxLength: 6 })
    .map((parts) => parts.join(''));

  // JavaScript goes back and forth in what is repeated within what is repeated, for ever in some: these are left
  const matchedBy = (regex: RegExp, subjects: readonly string[]): readonly string[] | undefined => {
    try {
      return runInNewContext('subjects.filter((one) => regex.test(one))', { regex, subjects }, { timeout: 100 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined;
      throw error;
    }
  };

  it('are in every string that an expression matches', () => {
    let told = 0;
    fc.assert(
      fc.property(
        expression,
        fc.array(subject, { minLength: 20, maxLength: 20 }),
        fc.boolean(),
        (source, subjects, i) => {
          const texts = literalsOf(source);
          if (texts === undefined) return;
          const matched = matchedBy(new RegExp(source, i ? 'i' : ''), subjects);
          if (matched === undefined) return;
          told++;
          for (const one of matched) {
            expect(
              texts.some((text) => one.toLowerCase().includes(text)),
              `${source} on ${JSON.stringify(one)}`,
            ).toBe(true);
          }
        },
      ),
      { numRuns: 3000 },
    );
    expect(told).toBeGreaterThan(200);
  });
});
