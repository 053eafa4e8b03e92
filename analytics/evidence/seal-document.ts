// What a seal says and how it is signed: canonical JSON (keys sorted, no spaces, whole numbers and strings only; a
// subset of RFC 8785), Ed25519 over its bytes. The signed text is kept beside the columns that repeat it.
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { z } from 'zod';
import { ENVELOPE_VERSION } from './envelope.ts';

const SEAL_VERSION = 'vestige-seal-v1';
export const NO_PREVIOUS = '0'.repeat(64);

const hex = z.string().regex(/^[0-9a-f]{64}$/);

/** Of one stream the records of a segment: how many, from which position to which. */
const StreamRange = z.object({
  source: z.string(),
  cluster: z.string(),
  node: z.string(),
  stream: z.string(),
  loader: z.string(),
  records: z.number().int(),
  first: z.number().int(),
  last: z.number().int(),
});
export type StreamRange = z.infer<typeof StreamRange>;

const SealDocument = z.strictObject({
  version: z.literal(SEAL_VERSION),
  envelope: z.literal(ENVELOPE_VERSION),
  segment: z.number().int(),
  sealed_at: z.string(),
  leaves: z.number().int(),
  root: hex,
  previous: hex,
  public_key: z.string(),
  streams: z.array(StreamRange),
  custody: z.strictObject({ until: z.string(), entries: z.number().int(), hash: hex }),
});
export type SealDocument = z.infer<typeof SealDocument>;

export interface Signed {
  /** The signed bytes, UTF-8. */
  text: string;
  /** SHA-256 of them, hex. */
  hash: string;
  /** Ed25519, base64. */
  signature: string;
}

export function sealDocument(facts: Omit<SealDocument, 'version' | 'envelope'>): SealDocument {
  return { version: SEAL_VERSION, envelope: ENVELOPE_VERSION, ...facts };
}

export function signDocument(document: object, key: KeyObject): Signed {
  const text = canonicalJson(document);
  return { text, hash: sha256Hex(text), signature: sign(null, Buffer.from(text), key).toString('base64') };
}

/** Undefined when the text is no seal of this version. */
export function parseSeal(text: string): SealDocument | undefined {
  try {
    const parsed = SealDocument.safeParse(JSON.parse(text));
    return parsed.success && canonicalJson(parsed.data) === text ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

export function signatureHolds(text: string, signature: string, publicKey: KeyObject): boolean {
  return verify(null, Buffer.from(text), publicKey, Buffer.from(signature, 'base64'));
}

export const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex');

export function publicKeyText(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64');
}

export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, v]) => `${JSON.stringify(key)}:${canonicalJson(v)}`).join(',')}}`;
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new Error(`not a whole number: ${value}`);
  return JSON.stringify(value);
}
