// ClickHouse's own HTTP interface, as a server of its own: the library of the embedded engine holds clickhouse-local as well, which listens
// since 26.5 (SYSTEM START LISTEN). Not a whole clickhouse-server, but its handler of requests, its users and its settings: no session
// outlives a request, files of this host are not read, passwords are asked for. Python calls the library, for node cannot.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { libchdbPath } from 'chdb/libchdb';
import { freePort } from './free-port.ts';

export interface ClickHouseServer {
  /** Of an empty database, as `--store` takes it. */
  makeDatabase(name: string): Promise<string>;
  remove(): Promise<void>;
}

const START_MS_MAX = 60_000;
const PASSWORD = 'of & for / tests';

const CALL = `
import ctypes, sys
run = ctypes.CDLL(sys.argv[1]).chdb_query_cmdline
args = [a.encode() for a in ['clickhouse', *sys.argv[2:]]]
run(len(args), (ctypes.c_char_p * (len(args) + 1))(*args, None))
`;

// it serves until it is killed: the second statement has no end
const SERVE = `SYSTEM START LISTEN HTTP;
SELECT sleepEachRow(1) FROM system.numbers SETTINGS function_sleep_max_microseconds_per_block = 0, max_block_size = 1 FORMAT Null;`;

// the program has a password; who makes databases for tests has none
const USERS = `<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users>
<default><password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default>
<vestige><password>${PASSWORD.replace('&', '&amp;')}</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></vestige>
</users></clickhouse>`;

/** Whether a server can run here; says why not, once. */
export function isAvailable(): boolean {
  const isThere = spawnSync('python3', ['-c', 'import ctypes'], { stdio: 'ignore' }).status === 0;
  if (!isThere) console.warn("ClickHouse's HTTP interface is not tested here: no python3 on the PATH");
  return isThere;
}

export async function startClickHouseServer(): Promise<ClickHouseServer> {
  const directory = mkdtempSync(join(tmpdir(), 'vestige-clickhouse-'));
  const file = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const port = await freePort();
  const config = `<clickhouse><users_config>${file('users.xml', USERS)}</users_config></clickhouse>`;
  const child = spawn('python3', [
    ...['-c', CALL, libchdbPath(), '--path', join(directory, 'data'), '--config-file', file('config.xml', config)],
    ...['--listen_host', '127.0.0.1', '--http_port', String(port), '--queries-file', file('serve.sql', SERVE)],
  ]);
  let said = '';
  child.stderr.on('data', (text) => (said += text));
  const end = async () => {
    await killed(child);
    rmSync(directory, { recursive: true, force: true });
  };
  const deadline = Date.now() + START_MS_MAX;
  while (!(await answers(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await end();
      throw new Error(`the server does not answer: ${said.slice(-2000)}`);
    }
    await sleep(50);
  }
  return {
    makeDatabase: async (name) => {
      const made = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: `CREATE DATABASE ${name}` });
      if (!made.ok) throw new Error(await made.text());
      return `http://vestige:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${name}`;
    },
    remove: end,
  };
}

const answers = async (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/ping`).then(
    ({ ok }) => ok,
    () => false,
  );

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await closed;
}
