// Certificates for tests, made by openssl: authorities, servers, clients, good ones and bad ones.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Authority {
  /** Path of its certificate. */
  ca: string;
  /** Paths of a certificate and its key. @param altNames `DNS:a`, `IP:127.0.0.1`, `URI:...` */
  issue(
    name: string,
    altNames: readonly string[],
    options?: { expired?: boolean; usage?: 'serverAuth' | 'clientAuth' },
  ): Issued;
}

export interface Issued {
  cert: string;
  key: string;
}

const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Files are written to `directory`, named after the authority and whom it certifies. */
export function createAuthority(directory: string, name = 'authority'): Authority {
  const ca = join(directory, `${name}.crt`);
  const caKey = join(directory, `${name}.key`);
  openssl('req', '-x509', ...EC, '-subj', `/CN=${name}`, '-days', '2', '-keyout', caKey, '-out', ca);
  let serial = Date.now();
  return {
    ca,
    issue: (subject, altNames, { expired = false, usage } = {}) => {
      const base = join(directory, `${name}-${subject}-${++serial}`);
      const [cert, key, request, extensions] = ['crt', 'key', 'csr', 'ext'].map((end) => `${base}.${end}`) as [
        ...[string, string, string, string],
      ];
      openssl('req', ...EC, '-subj', `/CN=${subject}`, '-keyout', key, '-out', request);
      const uses = usage === undefined ? '' : `extendedKeyUsage=${usage}\n`;
      // one a line: a name may have a comma in it
      const names = altNames.map((entry, i) => entry.replace(/^(\w+):/, `$1.${i + 1}=`)).join('\n');
      writeFileSync(extensions, `subjectAltName=@names\n${uses}[names]\n${names}\n`);
      const by = ['-CA', ca, '-CAkey', caKey, '-set_serial', String(serial), '-extfile', extensions];
      openssl('x509', '-req', '-in', request, ...by, '-days', expired ? '-1' : '2', '-out', cert);
      return { cert, key };
    },
  };
}
