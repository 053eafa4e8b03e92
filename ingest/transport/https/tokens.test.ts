import { describe, expect, it } from 'vitest';
import { bearerOf, createTokenCheck, generateToken, parseTokens } from './tokens.ts';

describe('tokens', () => {
  it('are made of 256 bits, and no two alike', () => {
    const made = Array.from({ length: 100 }, generateToken);
    expect(new Set(made).size).toBe(100);
    for (const token of made) expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(parseTokens(made.join('\r\n'))).toEqual(made);
  });

  it('of a file are one a line, with remarks between them', () => {
    const [a, b] = [generateToken(), generateToken()];
    expect(parseTokens(`# old, until May\n${a}\n\n  ${b}  \n`)).toEqual([a, b]);
  });

  it.each([
    ['', /no token/],
    ['# nothing\n', /no token/],
    ['short', /fewer than 16/],
    ['two words of more letters', /letters/],
    [`ungültig-${'x'.repeat(20)}`, /letters/],
    [Array.from({ length: 1001 }, generateToken).join('\n'), /more than 1000/],
  ])('%j are none', (text, message) => {
    expect(() => parseTokens(text)).toThrow(message);
    expect(() => parseTokens(text), 'and are not repeated in a log').not.toThrow(text.slice(0, 10) || /^$/);
  });

  it('are accepted whole, each of several, and nothing else', () => {
    const tokens = [generateToken(), generateToken(), generateToken()];
    const check = createTokenCheck(tokens);
    for (const token of tokens) {
      expect(check.accepts(token)).toBe(true);
      for (const other of [token.slice(1), `${token}x`, token.toUpperCase(), ''])
        expect(check.accepts(other)).toBe(false);
    }
  });

  it('stand in a header behind their scheme', () => {
    expect(['Bearer abc', 'bearer  abc', 'Basic abc', 'Bearer', 'Bearer a b', undefined].map(bearerOf)).toEqual([
      ...['abc', 'abc', undefined, undefined, undefined, undefined],
    ]);
  });
});
