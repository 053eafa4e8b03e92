import { describe, expect, it } from 'vitest';
import { recognise } from './recognise.ts';

describe('a line is recognised by its content', () => {
  it.each([
    [
      'k8s-audit',
      '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"4f48","stage":"ResponseComplete"}',
    ],
    ['k8s-audit', '{"auditID":"4f48","stage":"Resp'], // half written: still of that source
    ['auditd', 'type=SYSCALL msg=audit(1795439390.632:9989): arch=c000003e'],
    ['auditd', 'node=worker-1 type=SYSCALL msg=audit(1795439390.632:9989): arch=c000003e\r'],
    ['containerd-event', '2026-11-23 13:09:55.919911582 +0000 UTC k8s.io /snapshot/prepare {"key":"7a43"}'],
    ['containerd-event', '2026-11-23 13:09:55 +0000 UTC moby /tasks/exit {}'],
    [
      'containerd-container',
      '{"observedAt":"2026-11-23T13:09:55.923Z","namespace":"k8s.io","id":"7a","info":{"ID":"7a43"}}',
    ],
    ['unknown', ''],
    ['unknown', '{"a":1}'],
    ['unknown', 'type=SYSCALL msg=audit(x): arch'],
    ['unknown', 'Nov 23 13:09:55 worker-1 audit: type=SYSCALL'],
    ['unknown', '\0\0\0\0'],
    ['unknown', '2026-11-23 13:09:55.9 +0100 CET k8s.io /tasks/exit {}'],
  ])('%s: %s', (format, line) => {
    expect(recognise(Buffer.from(line))).toBe(format);
  });

  it('at once, however long it is', () => {
    const start = performance.now();
    for (const text of ['x'.repeat(5e6), `{${' '.repeat(5e6)}`, `type=${'A'.repeat(5e6)}`])
      recognise(Buffer.from(text));
    expect(performance.now() - start).toBeLessThan(500);
  });
});
