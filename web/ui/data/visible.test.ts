import { expect, it } from 'vitest';
import { visible, visibleLine } from './visible.ts';

it('shows what would be invisible', () => {
  expect(visible('a\u0000b\u001dc\u007f\r\n\td')).toBe('a\u2400b\u241dc\u2421\u240d\n\td');
  expect(visible('invoice\u202efdp.exe')).toBe('invoice[U+202E]fdp.exe');
});

it('leaves ordinary text of any script alone', () => {
  const text = 'execve "/bin/sh" — été, 日本, العربية, 😀';
  expect(visible(text)).toBe(text);
});

it('makes one line of it', () => {
  expect(visibleLine('/var/run/socket\u0000\u0000\u0000')).toBe('/var/run/socket');
  expect(visibleLine('sh -c "a\nb"')).toBe('sh -c "a b"');
});
