// The chain of seals: numbered without a hole, each naming the hash of the one before, each signed, columns and signed
// text saying the same. What does not hold is told as words; nothing here reads records.
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { NO_PREVIOUS, parseSeal, type SealDocument, sha256Hex, signatureHolds } from './seal-document.ts';
import { publicKeyOf } from './seal-key.ts';

const SealRow = z.object({
  segment: z.number(),
  leaves: z.number(),
  root: z.string(),
  previous: z.string(),
  hash: z.string(),
  streams: z.string(),
  public_key: z.string(),
  signature: z.string(),
  signed: z.string(),
});
type SealRow = z.infer<typeof SealRow>;

export interface CheckedSeal {
  segment: number;
  hash: string;
  /** Undefined when the signed text is no seal that this program knows. */
  document: SealDocument | undefined;
  /** In words; empty: this seal holds. */
  problems: string[];
}

/** Every seal, checked against itself, the one before it and the key. */
export async function* checkSeals(store: Store, pinned: KeyObject | undefined): AsyncIterable<CheckedSeal> {
  let expected = { segment: 1, previous: NO_PREVIOUS };
  const sql = `SELECT segment, leaves, lower(hex(root)) AS root, lower(hex(previous)) AS previous, lower(hex(hash)) AS hash,
    streams, public_key, signature, signed FROM seals FINAL ORDER BY segment`;
  for await (const row of store.stream(sql)) {
    const sealed = SealRow.parse(row);
    const document = parseSeal(sealed.signed);
    const problems = [
      ...chainProblems(sealed, expected),
      ...textProblems(sealed, document),
      ...signatureProblems(sealed, pinned),
    ];
    yield { segment: sealed.segment, hash: sealed.hash, document, problems };
    expected = { segment: sealed.segment + 1, previous: sha256Hex(sealed.signed) };
  }
}

function chainProblems(sealed: SealRow, expected: { segment: number; previous: string }): string[] {
  const problems: string[] = [];
  if (sealed.segment !== expected.segment) problems.push(`the seal of segment ${expected.segment} is missing`);
  else if (sealed.previous !== expected.previous) {
    problems.push(`it follows a seal with hash ${sealed.previous}, but the one before it has ${expected.previous}`);
  }
  return problems;
}

function textProblems(sealed: SealRow, document: SealDocument | undefined): string[] {
  if (!document) return ['its signed text is not a seal that this program knows'];
  const columns = {
    segment: sealed.segment,
    leaves: sealed.leaves,
    root: sealed.root,
    previous: sealed.previous,
    public_key: sealed.public_key,
  };
  const differ = Object.entries(columns).filter(([name, value]) => document[name as keyof typeof columns] !== value);
  const problems = differ.map(([name]) => `its column ${name} is not what was signed`);
  if (sha256Hex(sealed.signed) !== sealed.hash) problems.push('its hash is not the hash of what was signed');
  if (JSON.stringify(document.streams) !== canonicalStreams(sealed.streams))
    problems.push('its column streams is not what was signed');
  return problems;
}

// both sides through the same schema order: signed text has sorted keys, the column has them as they were made
function canonicalStreams(text: string): string {
  try {
    const parsed = JSON.parse(text) as Record<string, unknown>[];
    const order = ['source', 'cluster', 'node', 'stream', 'loader', 'records', 'first', 'last'];
    return JSON.stringify(parsed.map((s) => Object.fromEntries(order.map((key) => [key, s[key]]))));
  } catch {
    return '';
  }
}

function signatureProblems(sealed: SealRow, pinned: KeyObject | undefined): string[] {
  let key = pinned;
  try {
    key ??= publicKeyOf(sealed.public_key);
    if (signatureHolds(sealed.signed, sealed.signature, key)) return [];
  } catch {
    return ['its public key cannot be read'];
  }
  return [pinned ? 'it is not signed with the key given' : 'its signature does not hold'];
}
