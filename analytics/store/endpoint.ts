// ClickHouse's HTTP interface in front of the embedded engine, on loopback, for the other commands of this host.
// Speaks what @clickhouse/client speaks: a statement in the body or in ?query=, parameters in ?param_*, a RowBinary
// body for inserts. Only the owner's token opens it: it runs engine SQL.
import { timingSafeEqual } from 'node:crypto';
import { createWriteStream, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Sessions, TextParams } from './sessions.ts';
import { sqlString } from './store.ts';

const STATEMENT_BYTES_MAX = 64 * 1024 * 1024; // a batch of findings as JSONEachRow; segments travel as files

// Parameters stand in the address: of a batch all its envelopes (ingest/load/segment.ts). As ClickHouse has it (http_max_uri_size); Node's own
// bound is 16 KiB.
const HEAD_BYTES_MAX = 1024 * 1024;

const insertBody = /^\s*INSERT\s+INTO\s+([\s\S]+?)\s+FORMAT\s+RowBinary\s*$/i;
const hasRows = /^\s*(?:--[^\n]*\n\s*|\/\*[\s\S]*?\*\/\s*)*(?:SELECT|WITH|SHOW|DESCRIBE|DESC|EXISTS|EXPLAIN)\b/i;
const trailingFormat = /\s+FORMAT\s+(\w+)\s*;?\s*$/i;

export interface Endpoint {
  address: string;
  close(): Promise<void>;
}

/** Listens on a free loopback port. `temporary` is where bodies of inserts are kept while they are read. */
export async function openEndpoint(sessions: Sessions, token: string, temporary: string): Promise<Endpoint> {
  let uploads = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://loopback');
    if (url.pathname === '/ping') return void response.end('Ok.\n');
    if (!authorised(request, token)) return void response.writeHead(401).end('wrong or missing token\n');
    const params = textParams(url);
    const inQuery = url.searchParams.get('query') ?? '';

    const upload = insertBody.exec(inQuery);
    if (upload) {
      const path = join(temporary, `upload-${process.pid}-${uploads++}.bin`);
      try {
        await pipeline(request, createWriteStream(path));
        const sql = insertFromFile(upload[1] ?? '', path);
        await sessions.in('write').runText(sql, params);
        return void response.end();
      } finally {
        rmSync(path, { force: true });
      }
    }

    const statement = [inQuery, await bodyOf(request)].filter((part) => part !== '').join('\n');
    if (!hasRows.test(statement)) {
      await sessions.in('write').runText(statement, params);
      return void response.end();
    }
    const format = trailingFormat.exec(statement)?.[1] ?? url.searchParams.get('default_format') ?? 'TabSeparated';
    const pieces = sessions.in('read').bytes(statement.replace(trailingFormat, ''), format, params);
    for await (const piece of pieces) {
      if (response.destroyed) return;
      if (!response.write(piece))
        await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
    }
    response.end();
  };

  const server = createServer({ maxHeaderSize: HEAD_BYTES_MAX }, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      const code = error instanceof Error && 'code' in error ? String(error.code) : '1';
      // once bytes are out the only honest answer left is a broken connection
      if (response.headersSent) return void response.destroy();
      response.writeHead(500, { 'x-clickhouse-exception-code': code });
      response.end(message.startsWith('Code:') ? message : `Code: ${code}. DB::Exception: ${message} (VESTIGE)`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    close: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
    },
  };
}

// The body of `INSERT INTO t SELECT ... FROM input('structure') FORMAT RowBinary`, read from a file instead.
function insertFromFile(target: string, path: string): string {
  const input = /\binput\(\s*('(?:[^'\\]|\\.)*')\s*\)/i.exec(target);
  if (!input) throw new Error('an insert with a RowBinary body must read it with input(structure)');
  return `INSERT INTO ${target.replace(input[0], `file(${sqlString(path)}, 'RowBinary', ${input[1]})`)}`;
}

function authorised(request: IncomingMessage, token: string): boolean {
  const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  const given =
    basic === undefined
      ? ''
      : Buffer.from(basic, 'base64')
          .toString()
          .replace(/^[^:]*:/, '');
  const a = Buffer.from(given);
  const b = Buffer.from(token);
  return a.length === b.length && timingSafeEqual(a, b);
}

function textParams(url: URL): TextParams {
  const params: Record<string, string> = {};
  for (const [name, value] of url.searchParams) if (name.startsWith('param_')) params[name.slice(6)] = value;
  return params;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > STATEMENT_BYTES_MAX) throw new Error(`statement of more than ${STATEMENT_BYTES_MAX} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
