import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeEntry, type RecordEntry } from '../../spool/entry.ts';
import { createFrameReader } from './read-frames.ts';
import { framesOf, recordOf } from './test-support/records.ts';

const record = fc
  .tuple(fc.uint8Array({ maxLength: 300 }), fc.string(), fc.nat())
  .map(([raw, stream, position]) => recordOf(Buffer.from(raw), { stream, position, attrs: { a: stream } }));

function read(bytes: Buffer, chunkBytes: number): RecordEntry[] {
  const reader = createFrameReader();
  const records: RecordEntry[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    // as of a socket: the bytes may be elsewhere later
    const chunk = Buffer.from(bytes.subarray(at, at + chunkBytes));
    // its envelope is kept as the bytes it came in, too
    for (const { kind, raw, meta } of reader.push(chunk)) records.push({ kind, raw, meta });
  }
  reader.end();
  return records;
}

const damage = (bytes: Buffer, chunkBytes = 1000) => {
  try {
    read(bytes, chunkBytes);
    return undefined;
  } catch (error) {
    return error;
  }
};
const DAMAGED = { name: 'BodyError', code: 'damaged' };

describe('frames of a body', () => {
  it('are the records that were sent, however the body is cut', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 20 }), fc.integer({ min: 1, max: 2000 }), (records, chunkBytes) => {
        expect(read(framesOf(records), chunkBytes)).toEqual(records);
      }),
    );
  });

  it('of sixteen megabytes are put together once', () => {
    const records = [recordOf('a'), recordOf(Buffer.alloc(16 << 20, 'x')), recordOf('b')];
    const bytes = framesOf(records);
    const start = performance.now();
    expect(read(bytes, 16 * 1024).map(({ raw }) => raw.length)).toEqual([1, 16 << 20, 1]);
    // put together with each of the thousand chunks it would be eight gigabytes
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it('cut short anywhere are told as damage', () => {
    const bytes = framesOf([recordOf('one'), recordOf('two')]);
    const whole = framesOf([recordOf('one')]).length;
    for (let n = 1; n < bytes.length; n++) {
      if (n === whole) continue;
      expect(damage(bytes.subarray(0, n)), String(n)).toMatchObject(DAMAGED);
    }
  });

  it('with any bit turned are told as damage', () => {
    const bytes = framesOf([recordOf('one'), recordOf('two')]);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const turned = Buffer.from(bytes);
      turned.writeUInt8(turned.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(damage(turned), String(bit)).toMatchObject(DAMAGED);
    }
  });

  it.each([
    ['of four gigabytes', Buffer.from('ffffffff00000000', 'hex')],
    ['of nothing', Buffer.alloc(8)],
    ['that is JSON', Buffer.from('{"kind":"EventList","items":[]}')],
    ['that is a checkpoint', encodeEntry({ kind: 'checkpoint', stream: 's', state: Buffer.from('1') })],
    ['that opens a segment', encodeEntry({ kind: 'opening', boot_id: 'b', uptime_s: 1 })],
    ['with an envelope that is none', encodeEntry({ ...recordOf('x'), meta: { source: 'elsewhere' } as never })],
  ])('a frame %s is told as damage', (_, bytes) => {
    expect(damage(bytes)).toMatchObject(DAMAGED);
    expect(damage(Buffer.concat([framesOf([recordOf('good')]), bytes]))).toMatchObject(DAMAGED);
  });

  it('that are no frames at all never do worse', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), (bytes) => {
        expect(damage(Buffer.from(bytes), 50)).toMatchObject(DAMAGED);
      }),
    );
  });
});
