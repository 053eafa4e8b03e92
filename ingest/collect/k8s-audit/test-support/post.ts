// A sender of batches for tests: what an API server does, byte for byte as the test says.
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import type { Issued } from '../../../transport/https/test-support/certificates.ts';

export interface Answered {
  status: number;
  text: string;
  headers: IncomingHttpHeaders;
}

export interface Sender {
  send(body: Buffer | string, headers?: OutgoingHttpHeaders, path?: string, method?: string): Promise<Answered>;
  close(): void;
}

export interface SenderOptions {
  port: number;
  /** Path of the authority to trust. */
  ca: string;
  client?: Issued;
  token?: string;
  /** Connections kept open; Go's default for a host is two, an API server has as many as batches at once. */
  connections?: number;
}

export function createSender({ port, ca, client, token, connections = 4 }: SenderOptions): Sender {
  const own = client === undefined ? {} : { cert: readFileSync(client.cert), key: readFileSync(client.key) };
  const agent = new Agent({ keepAlive: true, maxSockets: connections, ca: readFileSync(ca), ...own });
  const authorization: OutgoingHttpHeaders = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return {
    send: (body, headers = {}, path = '/k8s-audit', method = 'POST') =>
      new Promise((resolve, reject) => {
        const all = { 'content-length': Buffer.byteLength(body), ...authorization, ...headers };
        const sent = request({ host: '127.0.0.1', port, path, method, agent, headers: all }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part) => (text += part));
          response.once('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }));
          response.once('error', reject);
        });
        sent.once('error', reject).end(body);
      }),
    close: () => agent.destroy(),
  };
}
