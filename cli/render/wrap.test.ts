import { describe, expect, it } from 'vitest';
import { wrap } from './wrap.ts';

describe('text on a narrow terminal', () => {
  it('is broken at spaces, later lines under the first', () => {
    expect(wrap('1. the shell connected to a far address', 20, '   ')).toBe(
      '1. the shell\n   connected to a\n   far address',
    );
  });

  it('keeps its own indent and words that are longer than a line', () => {
    expect(wrap('  a /very/long/path/to/copy b', 10, '    ')).toBe('  a\n    /very/long/path/to/copy\n    b');
    expect(wrap('short', 80, ' ')).toBe('short');
    expect(wrap('', 80, ' ')).toBe('');
  });
});
