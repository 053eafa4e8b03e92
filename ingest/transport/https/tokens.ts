// Bearer tokens: made, read from files, compared. A file holds one a line, several while one is being replaced by the next; blank lines
// and lines that begin with # say nothing.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Followed, followFiles } from './follow-files.ts';

const TOKEN_BYTES = 32; // 256 bits: nothing to guess
// Base64 of 96 bits. What is shorter was made up by a person.
const TOKEN_LETTERS_MIN = 16;
// Every request is compared with all of them.
const TOKENS_MAX = 1000;

export const generateToken = (): string => randomBytes(TOKEN_BYTES).toString('base64url');

/** @throws Error when there is none, or one that is no token */
export function parseTokens(text: string): string[] {
  const tokens = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (tokens.length === 0) throw new Error('holds no token');
  if (tokens.length > TOKENS_MAX) throw new Error(`holds more than ${TOKENS_MAX} tokens`);
  // the letters that a header can carry, RFC 6750
  const wrong = tokens.findIndex((token) => !/^[A-Za-z0-9._~+/-]+=*$/.test(token));
  if (wrong !== -1) throw new Error(`token ${wrong + 1} has letters that no bearer token can have`);
  const short = tokens.findIndex((token) => token.length < TOKEN_LETTERS_MIN);
  if (short !== -1) throw new Error(`token ${short + 1} has fewer than ${TOKEN_LETTERS_MIN} letters`);
  return tokens;
}

export interface TokenCheck {
  /** Takes the same time whether nothing fits or nearly all. */
  accepts(token: string): boolean;
}

export function createTokenCheck(tokens: readonly string[]): TokenCheck {
  const key = randomBytes(TOKEN_BYTES);
  const digest = (token: string) => createHmac('sha256', key).update(token).digest();
  const known = tokens.map(digest);
  return {
    accepts: (token) => {
      const given = digest(token);
      let fits = false;
      for (const one of known) fits = timingSafeEqual(one, given) || fits;
      return fits;
    },
  };
}

interface TokenFileOptions {
  say: (text: string) => void;
  everyMs?: number;
}

/** @throws HttpsSetupError */
export const followTokens = (paths: readonly string[], options: TokenFileOptions): Followed<TokenCheck> =>
  followFiles(
    paths,
    (contents) => createTokenCheck(contents.flatMap((bytes) => parseTokens(bytes.toString()))),
    options,
  );

/** The first token of a file: the one to send. @throws HttpsSetupError */
export const followBearer = (path: string, options: TokenFileOptions): Followed<string> =>
  followFiles([path], ([bytes]) => parseTokens(String(bytes))[0] as string, options);

const BEARER = /^Bearer +(\S+)$/i;
/** Of an Authorization header. */
export const bearerOf = (header: string | undefined): string | undefined => BEARER.exec(header ?? '')?.[1];
