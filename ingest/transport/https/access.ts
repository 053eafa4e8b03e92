// Who may write evidence: a client with a certificate of our authority, with a bearer token, or with both where both are asked for.
// Connections without a certificate are let in all the same, for a probe has none; each request is looked at before its body is read.
import type { IncomingMessage } from 'node:http';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { Followed } from './follow-files.ts';
import { HttpsSetupError, isLoopback } from './setup-error.ts';
import { bearerOf, type TokenCheck } from './tokens.ts';

/** Who sends, as far as it is known. */
export interface Peer {
  address: string;
  /** Common name of its certificate; empty without one. */
  name: string;
}

export type Admission =
  | { admitted: true; peer: Peer }
  /** 401: who is it? 403: known, and not allowed. */
  | { admitted: false; status: 401 | 403; reason: 'certificate' | 'name' | 'token'; detail: string };

// It travels with every record.
const NAME_LETTERS_MAX = 256;

export type Access = (request: IncomingMessage) => Admission;

export interface AccessOptions {
  /** Certificates of clients are asked for and were verified against an authority. */
  certificates: boolean;
  /** Common or alternative names, one of which a certificate must bear; empty: any of the authority. */
  names: readonly string[];
  tokens?: Followed<TokenCheck>;
}

/** @throws HttpsSetupError when everybody could write */
export function requireAccess({ certificates, tokens, names }: AccessOptions, host: string, insecureLoopback: boolean) {
  if (names.length > 0 && !certificates)
    throw new HttpsSetupError('no-authentication', 'names of clients are of no use without an authority to trust');
  if (certificates || tokens !== undefined) return;
  if (insecureLoopback && isLoopback(host)) return;
  throw new HttpsSetupError(
    'no-authentication',
    'nobody is asked who he is: give a file of client authorities, a file of tokens, or both',
  );
}

export function createAccess({ certificates, names, tokens }: AccessOptions): Access {
  // of a connection nothing changes but the token
  const known = new WeakMap<object, Admission>();
  const byCertificate = (socket: TLSSocket): Admission => {
    const peer = { address: socket.remoteAddress ?? '', name: '' };
    if (!certificates) return { admitted: true, peer };
    if (!socket.authorized) {
      const why = socket.authorizationError as unknown;
      return { admitted: false, status: 401, reason: 'certificate', detail: `client certificate: ${String(why)}` };
    }
    const certificate = socket.getPeerCertificate();
    const name = (namesOf(certificate)[0] ?? '').slice(0, NAME_LETTERS_MAX);
    if (names.length === 0 || namesOf(certificate).some((own) => names.includes(own)))
      return { admitted: true, peer: { ...peer, name } };
    return { admitted: false, status: 403, reason: 'name', detail: `${name} is not among the clients allowed` };
  };
  return (request) => {
    const socket = request.socket as TLSSocket;
    const admission = known.get(socket) ?? byCertificate(socket);
    known.set(socket, admission);
    if (!admission.admitted || tokens === undefined) return admission;
    const token = bearerOf(request.headers.authorization);
    if (token !== undefined && tokens.current().accepts(token)) return admission;
    const detail = token === undefined ? 'a bearer token is needed' : 'this bearer token is not known';
    return { admitted: false, status: 401, reason: 'token', detail };
  };
}

/** Common name first, then alternative names: host names, URIs, addresses of mail. */
function namesOf({ subject, subjectaltname = '' }: PeerCertificate): string[] {
  const common = ([] as (string | undefined)[]).concat(subject?.CN ?? '').map((name) => name ?? '');
  // a name with a comma or a quote in it comes quoted, its commas escaped: it is cut nowhere, and is no name of ours
  const alternative = subjectaltname.split(', ').map((entry) => /^(?:DNS|URI|email):(.+)$/.exec(entry)?.[1] ?? '');
  return [...common, ...alternative.filter((name) => name !== '')];
}
