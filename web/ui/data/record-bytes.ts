// The bytes of a record as they were received, and whether they are what the digest says: computed here, in the
// reader's browser, from what is shown.
import type { RawRecord } from '../../api/types.ts';

export function bytesOf({ raw, raw_base64 }: Pick<RawRecord, 'raw' | 'raw_base64'>): Uint8Array<ArrayBuffer> {
  if (raw !== null) return new TextEncoder().encode(raw);
  return Uint8Array.from(atob(raw_base64 ?? ''), (letter) => letter.charCodeAt(0));
}

export async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', bytes);
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Text to look at: bytes that are not UTF-8 become the mark for what cannot be shown. */
export function textOf(record: Pick<RawRecord, 'raw' | 'raw_base64'>): string {
  return record.raw ?? new TextDecoder().decode(bytesOf(record));
}

/** JSON set out in lines; anything else as it is. */
export function setOut(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
