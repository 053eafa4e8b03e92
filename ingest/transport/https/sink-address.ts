// `https://host:port[/path]?ca=FILE&cert=FILE&key=FILE`: where a receiver is, whom to trust there, and who we are.

import { RECORDS_PATH } from './protocol.ts';
import { HttpsSetupError, isLoopback } from './setup-error.ts';

export interface SinkAddress {
  url: URL;
  /** Without what only files say. */
  shown: string;
  files: { ca?: string; cert?: string; key?: string };
}

const FILES = ['ca', 'cert', 'key'] as const;

/** @throws HttpsSetupError */
export function parseSinkAddress(text: string): SinkAddress {
  const url = parse(text);
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw new HttpsSetupError('address', `${url.host}: evidence travels over https; http is for this host only`);
  if (url.username !== '' || url.password !== '')
    throw new HttpsSetupError('address', `${url.host}: no password in an address; a token is read from a file`);
  const files: SinkAddress['files'] = {};
  for (const [name, path] of url.searchParams) {
    const known = FILES.find((file) => file === name);
    if (known === undefined) throw new HttpsSetupError('address', `${url.host}: ?${name}= is none of ca, cert, key`);
    files[known] = path;
  }
  if ((files.cert === undefined) !== (files.key === undefined))
    throw new HttpsSetupError('address', `${url.host}: a certificate and its key go together`);
  if (url.protocol === 'http:' && Object.keys(files).length > 0)
    throw new HttpsSetupError('address', `${url.host}: http has no certificates`);
  url.search = '';
  url.hash = '';
  // behind a proxy there may be a path before ours
  if (!url.pathname.endsWith(RECORDS_PATH)) url.pathname = url.pathname.replace(/\/$/, '') + RECORDS_PATH;
  return { url, shown: `${url.origin}${url.pathname.slice(0, -RECORDS_PATH.length)}`, files };
}

function parse(text: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // told below
  }
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url;
  throw new HttpsSetupError('address', `${text}: not https://host:port`);
}
