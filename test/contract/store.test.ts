// What every store must do, on the real engine: in this process, through the loopback endpoint of its owner, and behind ClickHouse's HTTP interface.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../analytics/store/connect.ts';
import { readOwner } from '../../analytics/store/owner-file.ts';
import { openRemote } from '../../analytics/store/remote.ts';
import type { Store } from '../../analytics/store/store.ts';
import { type ClickHouseServer, isAvailable, startClickHouseServer } from '../support/clickhouse-server.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-store-'));
const opened: Store[] = [];
let owner: Store;
let server: ClickHouseServer | undefined;
const hasServer = isAvailable() || process.env['CI'] !== undefined;

beforeAll(async () => {
  owner = await connect(`embedded:${directory}`, 'contract test');
  opened.push(owner);
  if (hasServer) server = await startClickHouseServer();
});
afterAll(async () => {
  for (const store of opened.reverse()) await store.close();
  await server?.remove();
  rmSync(directory, { recursive: true, force: true });
});

const places: Record<string, () => Promise<Store>> = {
  'engine in this process': async () => owner,
  'beside the owner': async () => {
    const store = await connect(`embedded:${directory}`, 'second');
    opened.push(store);
    return store;
  },
  'a server without our files': async () => {
    const file = readOwner(directory);
    if (!file) throw new Error('the owner left no file');
    const store = await openRemote({ location: 'server', url: file.address, username: 'x', password: file.token });
    opened.push(store);
    return store;
  },
  ...(hasServer && {
    'a ClickHouse server': async () => {
      const store = await connect(await (server as ClickHouseServer).makeDatabase('contract'), 'contract test');
      opened.push(store);
      return store;
    },
  }),
};

for (const [place, open] of Object.entries(places)) {
  describe(`store: ${place}`, () => {
    let store: Store;
    beforeAll(async () => {
      store = await open();
      await store.run('CREATE OR REPLACE TABLE probe (n UInt64, text String) ENGINE = MergeTree ORDER BY n');
    });

    it('carries awkward strings through parameters, alone and in arrays', async () => {
      const awkward = `it's "a" \\ back\tslash\nline {x:String} %41 é \u{1f600}`;
      const sql = 'SELECT {a:String} AS a, {b:Array(String)} AS b, {n:UInt64} AS n';
      const params = { a: awkward, b: [awkward, ''], n: 9007199254740991 };
      const expected = { a: awkward, b: [awkward, ''], n: 9007199254740991 };
      expect(await store.rows(sql, params)).toEqual([expected]);
      const streamed = [];
      for await (const row of store.stream(sql, params)) streamed.push(row);
      expect(streamed).toEqual([expected]);
    });

    it('gives times as RFC 3339 in UTC', async () => {
      const [row] = await store.rows("SELECT toDateTime64('2026-11-23 13:09:55.919911582', 9, 'UTC') AS t");
      expect(row).toEqual({ t: '2026-11-23T13:09:55.919911582Z' });
    });

    it('inserts rows and a segment of raw bytes', async () => {
      await store.insert('probe', [{ n: 1, text: "o'ne" }]);
      const path = join(directory, `segment-${place.length}.bin`);
      const bytes = Buffer.from([0, 10, 255, 39, 92]);
      writeFileSync(path, Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from([bytes.length]), bytes]));
      await store.insertSegment('probe (n, text)', 'SELECT n, text FROM {segment}', {
        path,
        structure: 'n UInt64, text String',
      });
      expect(await store.rows('SELECT n, hex(text) AS h FROM probe ORDER BY n')).toEqual([
        { n: 1, h: '6F276E65' },
        { n: 2, h: '000AFF275C' },
      ]);
    });

    it('streams a long answer and can be left early', async () => {
      let count = 0;
      for await (const row of store.stream('SELECT number FROM numbers(3000000)')) {
        expect(row['number']).toBe(count);
        if (++count === 1000) break;
      }
      expect(count).toBe(1000);
      expect(await store.rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });

    it('tells the engine’s error', async () => {
      await expect(store.rows('SELECT no_such_column')).rejects.toThrow(/no_such_column/);
      await expect(store.run('INSERT INTO no_such_table VALUES (1)')).rejects.toThrow(/no_such_table/);
    });
  });
}

describe('the owner of a directory', () => {
  it('keeps its token to its user and refuses others', async () => {
    expect(statSync(join(directory, 'owner.json')).mode & 0o777).toBe(0o600);
    const address = readOwner(directory)?.address ?? '';
    const answer = await fetch(`${address}/?query=SELECT+1`, {
      headers: { authorization: `Basic ${btoa('x:wrong')}` },
    });
    expect(answer.status).toBe(401);
  });

  it('of another schema is not touched by who speaks to its owner', async () => {
    const [{ last } = { last: 0 }] = (await owner.rows('SELECT toUInt32(max(n)) AS last FROM schema_versions')) as {
      last: number;
    }[];
    const beside = () => connect(`embedded:${directory}`, 'of another version');
    try {
      await owner.run('INSERT INTO schema_versions (n) SELECT {n:UInt32}', { n: last + 1 });
      await expect(beside()).rejects.toMatchObject({ code: 'newer-schema' });
      await owner.run('DELETE FROM schema_versions WHERE n >= {n:UInt32} SETTINGS lightweight_deletes_sync = 2', {
        n: last,
      });
      await expect(beside()).rejects.toMatchObject({ code: 'busy', message: expect.stringMatching(/older Vestige/) });
    } finally {
      await owner.run('INSERT INTO schema_versions (n) SELECT {n:UInt32}', { n: last });
    }
    await (await beside()).close();
  });

  it('answers a small question while a long one runs', async () => {
    const long = owner.rows('SELECT sum(sipHash64(number)) AS s FROM numbers(30000000)', {}, 'background');
    const start = performance.now();
    await owner.rows('SELECT 1');
    const small = performance.now() - start;
    const startLong = performance.now();
    await long;
    expect(small).toBeLessThan(performance.now() - startLong + 1);
  });
});

describe.skipIf(!hasServer)('a ClickHouse server', () => {
  it('has one schema, however many begin with it at the same time', async () => {
    const location = await (server as ClickHouseServer).makeDatabase('contested');
    const stores = await Promise.all([1, 2, 3].map((n) => connect(location, `contender ${n}`)));
    opened.push(...stores);
    const names =
      "SELECT name FROM system.tables WHERE database = currentDatabase() AND name NOT LIKE 'probe' ORDER BY name";
    const [first] = stores as [Store];
    expect(await first.rows(names)).toEqual(await owner.rows(names));
    // each file was brought once: reference data that two brought stand there twice, until the engine merges them
    expect(
      await first.rows('SELECT count() > 0 AND count() = uniqExact(arch, number) AS once FROM syscall_names'),
    ).toEqual([{ once: 1 }]);
  });

  it('refuses who does not know the password, and a database that is not there, in words without the password', async () => {
    const location = await (server as ClickHouseServer).makeDatabase('closed');
    const refused = (why: RegExp) => ({
      code: 'refused',
      message: expect.toSatisfy(
        (text: string) => why.test(text) && !text.includes('guess') && !/of( |%20)&/.test(text),
      ),
    });
    await expect(connect(location.replace(/:[^:@]+@/, ':guess@'), 'stranger')).rejects.toMatchObject(
      refused(/Authentication failed/),
    );
    await expect(connect(`${location}d`, 'stranger')).rejects.toMatchObject(refused(/closedd.*not exist/));
  });
});
