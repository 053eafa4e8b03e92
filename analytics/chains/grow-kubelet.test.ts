import { expect, test } from 'vitest';
import { isNamedIn } from './grow-kubelet.ts';

const kubelet = 'https://10.0.0.5:10250';
test.each([
  ['run', `${kubelet}/run/shop/web-1/web?cmd=cat%20/etc/passwd`, ['cat', '/etc/passwd'], true],
  ['exec', `${kubelet}/exec/shop/web-1/web?command=cat&command=%2Fetc%2Fpasswd&output=1`, ['cat', '/etc/passwd'], true],
  ['another command', `${kubelet}/run/shop/web-1/web?cmd=id`, ['cat', '/etc/passwd'], false],
  ['words elsewhere in the line', `${kubelet}/pods/cat /etc/passwd`, ['cat', '/etc/passwd'], false],
  ['what is no escape', `${kubelet}/run/shop/web-1/web?cmd=100%`, ['100%'], true],
  ['a process of which nothing was seen', `${kubelet}/run/shop/web-1/web?cmd=`, [], false],
])('a command line names the command that the kubelet is to run: %s', (_, url, words, named) => {
  expect(isNamedIn({ argv: ['curl', '-sk', '-X', 'POST', url] }, { first_argv: words })).toBe(named);
});
