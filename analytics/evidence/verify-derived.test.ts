import type { KeyObject } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countStaged, decodeStaged } from '../decode/decode.ts';
import { withStaged } from '../decode/staged.ts';
import type { Store } from '../store/store.ts';
import { applyRetention } from './retention.ts';
import { seal } from './seal.ts';
import { signingKey } from './seal-key.ts';
import { markCorrelated, openTestStore, scalar, type TestStore } from './testing.ts';
import { verify } from './verify.ts';

let test: TestStore;
let store: Store;
let key: KeyObject;
const now = () => new Date('2026-11-20T00:00:00Z');

const line = (type: string, n: string, rest: string) =>
  `concat('type=${type} msg=audit(1700000000.001:', toString(${n}), '): ${rest}')`;
// 300 events of auditd, every third in two records, 20 API requests, one runtime event
const records = [
  `SELECT 'auditd' AS source, 'auditd' AS format, concat('1700000000.001:', toString(number)) AS key, toDateTime64('2023-11-14 22:13:20.001', 9, 'UTC') AS time,
     ${line('SYSCALL', 'number', 'arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=7 uid=0 comm="sh" exe="/bin/sh"')} AS raw FROM numbers(300)`,
  `SELECT 'auditd', 'auditd', concat('1700000000.001:', toString(number * 3)), toDateTime64('2023-11-14 22:13:20.001', 9, 'UTC'),
     ${line('EXECVE', 'number * 3', 'argc=1 a0="sh"')} FROM numbers(100)`,
  `SELECT 'k8s-audit', 'k8s-audit', concat('id-', toString(number), '/ResponseComplete'), toDateTime64('2023-11-14 22:13:21', 9, 'UTC'),
     concat('{"auditID":"id-', toString(number), '","stage":"ResponseComplete","verb":"get","requestReceivedTimestamp":"2023-11-14T22:13:21Z","user":{"username":"alice"}}') FROM numbers(20)`,
  `SELECT 'runtime', 'containerd-event', '2023-11-14 22:13:22/k8s.io//tasks/start', toDateTime64('2023-11-14 22:13:22', 9, 'UTC'),
     '2023-11-14 22:13:22 +0000 UTC k8s.io /tasks/start {"container_id":"abc","pid":77}'`,
];

beforeEach(async () => {
  test = await openTestStore();
  store = test.store;
  key = signingKey(store, undefined);
  await withStaged(store, async (staged) => {
    await store.run(
      `INSERT INTO ${staged} (source, cluster, node, event_time, digest, format, event_key, raw, lines, received_at, stream, loader, seq)
     SELECT source, 'prod', if(source = 'k8s-audit', '', 'n1'), time, SHA256(raw), format, key, raw, 1, toDateTime64('2026-01-01 00:00:00', 6, 'UTC'), 's', 'l', rowNumberInAllBlocks() + 1
     FROM (${records.join(' UNION ALL ')}) SETTINGS max_threads = 1`,
    );
    await decodeStaged(store, staged, await countStaged(store, staged));
    await store.run(`INSERT INTO records SELECT * EXCEPT (is_mended, has_body, reason) FROM ${staged}`);
  });
  await seal({ store, now, key });
});
afterEach(() => test.remove());

const mutate = (table: string, what: string) => store.run(`ALTER TABLE ${table} ${what} SETTINGS mutations_sync = 2`);
const messages = async () => (await verify(store, {})).differences.map((d) => d.message.replace(/ [0-9a-f]{64}$/, ''));

describe('typed rows', () => {
  it('are those of their records as long as nobody changed them', async () => {
    const counts =
      '(SELECT count() FROM auditd FINAL), (SELECT count() FROM k8s_audit FINAL), (SELECT count() FROM runtime FINAL)';
    expect(await scalar(store, `[${counts}]`)).toEqual([300, 20, 1]);
    expect(await verify(store, {})).toMatchObject({
      verified: true,
      differences: [],
      leaves: 421,
      typed_rows_older: 0,
    });
  });

  it('that were changed, lost or planted are told apart and named by a record', async () => {
    await mutate('auditd', "UPDATE comm = 'innocent' WHERE serial IN (10, 11)");
    await mutate('k8s_audit', "DELETE WHERE audit_id = 'id-7'");
    await store.run(
      "INSERT INTO runtime SELECT * REPLACE (SHA256('none') AS digest, 'def' AS container_id) FROM runtime",
    );
    const v = await verify(store, {});
    expect(v.counts).toEqual({ typed: 4 });
    expect(v.differences.map((d) => d.message.split(',')[0])).toEqual([
      '1 rows of k8s_audit are gone',
      '2 rows of auditd do not say what their records say',
      '1 rows of runtime are made of no record that the store has',
    ]);
    const digest = await scalar(store, "(SELECT lower(hex(digest)) FROM records WHERE event_key LIKE 'id-7/%')");
    expect(v.differences[0]?.digest).toBe(digest);
    expect((await verify(store, { derived: false })).verified).toBe(true);
  });

  it('of an event in two records have to hold both', async () => {
    await mutate('auditd', 'UPDATE argv = [] WHERE serial = 30');
    expect(await messages()).toEqual(['1 rows of auditd do not say what their records say, the first of record']);
  });

  it('of an older decoder are counted, not compared', async () => {
    await mutate('auditd', "UPDATE comm = 'as it was once read' WHERE serial < 5");
    await store.run('CREATE TABLE old AS auditd');
    await store.run(
      'INSERT INTO old SELECT * REPLACE (version - bitShiftLeft(toUInt64(1), 32) AS version) FROM auditd FINAL WHERE serial < 5',
    );
    await mutate('auditd', 'DELETE WHERE serial < 5');
    await store.run('INSERT INTO auditd SELECT * FROM old');
    expect(await verify(store, {})).toMatchObject({ verified: true, typed_rows_older: 5 });
  });

  it('of kept records stay right when retention took the others', async () => {
    // of event 30 one record of two is a member; the other is kept with it
    await store.run(
      `INSERT INTO chain_members (cluster, chain_id, digest, member_id, layer, time, step, role, version)
       SELECT cluster, 'c', digest, 'm', 'auditd', event_time, 1, 'core', 1 FROM records WHERE event_key IN ('1700000000.001:30', '1700000000.001:31') AND (raw LIKE 'type=EXECVE%' OR event_key LIKE '%:31')`,
    );
    await markCorrelated(store, '2026-11-19T00:00:00Z');
    await applyRetention(store, 90, key, { actor: 'tester', now });
    expect(await scalar(store, '[(SELECT count() FROM auditd FINAL), (SELECT count() FROM k8s_audit FINAL)]')).toEqual([
      2, 0,
    ]);
    expect(await verify(store, {})).toMatchObject({ verified: true, expired: 418, differences: [] });
  });

  it('leave no table behind', async () => {
    await verify(store, {});
    expect(await scalar(store, "(SELECT count() FROM system.tables WHERE name LIKE 'scratch_%')")).toBe(0);
  });
});
