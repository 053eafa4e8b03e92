import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { code } from './markdown.ts';

/** What CommonMark (6.1, code spans) reads from a line that begins with a span; undefined when no span covers the line. */
function readSpan(line: string): string | undefined {
  const fence = /^`+/.exec(line)?.[0] ?? '';
  if (fence === '') return undefined;
  const runs = [...line.slice(fence.length).matchAll(/`+/g)];
  const close = runs.find(([run]) => run === fence);
  if (!close || fence.length + close.index + fence.length !== line.length) return undefined;
  const inner = line.slice(fence.length, fence.length + close.index);
  return /^ .* $/.test(inner) && inner.trim() !== '' ? inner.slice(1, -1) : inner;
}

describe('a code span', () => {
  it('shows a harmless text as it is', () => {
    expect(code('ls -la /tmp')).toBe('`ls -la /tmp`');
    expect(code('')).toBe('(empty)');
  });

  it('is read back whole, whatever stands in it', () => {
    const hostile = fc.string({
      unit: fc.constantFrom('`', ' ', '|', '<', 'b', '*', '\\', '[', ']', '(', '\n', '-'),
      minLength: 1,
    });
    fc.assert(
      fc.property(hostile, (text) => {
        expect(readSpan(code(text))).toBe(text.replaceAll('\n', '\\x0a'));
      }),
    );
  });

  it('lets no control, no direction mark and no line break through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
        expect(code(text)).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b\ufeff]/u);
      }),
    );
    expect(code('\u001b[2Jx\u202egnp.exe')).toBe('`\\x1b[2Jx\\u{202e}gnp.exe`');
  });
});
