// Certificates for a broker on loopback and its clients, made by openssl: one authority, a server, a client.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificates {
  ca: string;
  /** Private key and certificate in one file, as a PEM keystore of Kafka wants it. */
  serverStore: string;
  clientCert: string;
  clientKey: string;
}

export function makeCertificates(directory: string): Certificates {
  const at = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const newKey = (name: string, subject: string, ...rest: string[]) =>
    openssl('req', ...rest, '-newkey', 'rsa:2048', '-nodes', '-keyout', at(`${name}.key`), '-subj', `/CN=${subject}`);
  newKey('ca', 'vestige test authority', '-x509', '-days', '2', '-out', at('ca.pem'));
  for (const name of ['server', 'client']) {
    newKey(name, name, '-out', at(`${name}.csr`));
    writeFileSync(at(`${name}.ext`), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
    const signedBy = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at(`${name}.ext`)];
    openssl('x509', '-req', '-days', '2', '-in', at(`${name}.csr`), '-out', at(`${name}.pem`), ...signedBy);
  }
  writeFileSync(at('server-store.pem'), `${readFileSync(at('server.key'))}${readFileSync(at('server.pem'))}`);
  return {
    ca: at('ca.pem'),
    serverStore: at('server-store.pem'),
    clientCert: at('client.pem'),
    clientKey: at('client.key'),
  };
}
