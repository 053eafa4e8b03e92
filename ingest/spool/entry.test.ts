import { describe, expect, it } from 'vitest';
import { decodeEntry, encodeEntry, type RecordEntry } from './entry.ts';

const entry: RecordEntry = {
  kind: 'record',
  raw: Buffer.from('bytes of a record'),
  meta: {
    ...{ source: 'auditd', cluster: 'c', node: 'n', collector: 'auditd@n', boot_id: 'b', stream: '/log' },
    ...{ received_at: 1_700_000_000_000_000, position: 1, lines: 1, attrs: {} },
  },
};

describe('a frame', () => {
  it('is refused with any byte of it changed', () => {
    const whole = encodeEntry(entry);
    for (let i = 0; i < whole.length; i++) {
      const changed = Buffer.from(whole);
      changed[i] = (changed[i] as number) ^ 0x41;
      expect(decodeEntry(changed, 0).status, `byte ${i}`).not.toBe('entry');
    }
  });
});
