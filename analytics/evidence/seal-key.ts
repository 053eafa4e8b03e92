// The key that signs seals: made at the first seal of a store of this host, given by its file for any other store.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../store/store.ts';

/** A key that cannot be had; the message says what to do. */
export class SealKeyError extends Error {
  override readonly name = 'SealKeyError';
}

export const keyPathOf = (directory: string): string => join(directory, 'keys', 'seal.pem');

/** @param file PEM (PKCS 8, Ed25519); without it the store's own key, made when there is none */
export function signingKey(store: Store, file: string | undefined): KeyObject {
  if (file !== undefined) return readPrivate(file);
  if (store.directory === undefined) {
    throw new SealKeyError(
      'this store has no directory on this host to keep a key in; name one with --key FILE (openssl genpkey -algorithm ed25519 -out FILE)',
    );
  }
  const path = keyPathOf(store.directory);
  if (!existsSync(path)) createKey(store.directory, path);
  return readPrivate(path);
}

/** A public key to hold seals against: PEM, or the base64 text that a seal prints; a private key's file serves too. */
export function readPublicKey(file: string): KeyObject {
  const text = readKeyFile(file);
  try {
    const key = text.includes('-----BEGIN') ? createPublicKey(text) : publicKeyOf(text.trim());
    return ed25519(key, file);
  } catch (cause) {
    if (cause instanceof SealKeyError) throw cause;
    throw new SealKeyError(`${file} holds no public key`, { cause });
  }
}

export function publicKeyOf(base64: string): KeyObject {
  return createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' });
}

function readPrivate(file: string): KeyObject {
  const text = readKeyFile(file);
  try {
    return ed25519(createPrivateKey(text), file);
  } catch (cause) {
    if (cause instanceof SealKeyError) throw cause;
    throw new SealKeyError(`${file} holds no private key in PEM`, { cause });
  }
}

function readKeyFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SealKeyError(`cannot read the key ${file}: ${(cause as Error).message}`, { cause });
  }
}

function ed25519(key: KeyObject, file: string): KeyObject {
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new SealKeyError(`${file} holds a key of type ${key.asymmetricKeyType}; seals are signed with ed25519`);
  }
  return key;
}

// Linked into place whole: a kill leaves no half key, and of two first seals at once one key wins.
function createKey(directory: string, path: string): void {
  mkdirSync(join(directory, 'keys'), { recursive: true, mode: 0o700 });
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'w', flush: true });
  try {
    linkSync(draft, path);
    writeFileSync(join(directory, 'keys', 'seal.pub.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}
