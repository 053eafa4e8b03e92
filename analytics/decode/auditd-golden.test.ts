// Lines of go-libaudit's test data against what go-libaudit reads in them (https://github.com/elastic/go-libaudit, aucoalesce and
// auparse testdata). The data is not ours and stays outside of the repository: where it is not at hand, nothing is compared.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from '../store/connect.ts';
import type { Row, Store } from '../store/store.ts';
import { decodeRecords, typedRows } from './test-support/stage.ts';

const DATA = '../shared/data/auditd/go-libaudit';
const at = ['.', '..', '../..'].map((up) => join(up, DATA)).find((path) => existsSync(path));

interface Message {
  record_type: string;
  raw_msg: string;
  keys?: string[];
  data: Record<string, string>;
}
const messages: Message[] = (at === undefined ? [] : readdirSync(at))
  .filter((file) => file.endsWith('.golden'))
  .flatMap((file) => (JSON.parse(readFileSync(join(at ?? '', file), 'utf8')) ?? []) as (Message | null)[])
  .filter((message): message is Message => message?.data != null);

const directory = mkdtempSync(join(tmpdir(), 'vestige-golden-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const ids = ['pid', 'ppid', 'uid', 'gid', 'euid', 'egid', 'suid', 'sgid', 'fsuid', 'fsgid', 'auid', 'ses'];
const families: Record<string, string> = { ipv4: 'inet', ipv6: 'inet6', '0': '' };
/** What is no column of ours, with the reason. */
const LEFT_OUT: Record<string, string> = {
  items: 'the number of PATH records, which are there',
  argc: 'the number of arguments, which are there',
  item: 'paths stand in this order',
  ouid: 'owner of a file: in the record’s bytes',
  ogid: 'group of a file: in the record’s bytes',
  rdev: 'device of a device file: in the record’s bytes',
  objtype: 'path_types',
  nametype: 'path_types',
  saddr: 'bytes of an address without a name',
};
const reasonFor = (type: string, name: string) =>
  LEFT_OUT[name] ??
  (/^(obj|subj)_/.test(name) ? 'a label is one string' : undefined) ??
  (type === 'bprm_fcaps' ? 'the effective set is column capabilities' : undefined);

/** The same fact in our row, as go-libaudit writes it. */
function ours(type: string, name: string, row: Row, value: string): unknown {
  const fields = row['fields'] as Record<string, string>;
  const first = (column: string) => String((row[column] as unknown[])[0]);
  const argument = /^a(\d+)$/.exec(name)?.[1];
  if (type === 'execve' && argument) return (row['argv'] as string[])[Number(argument)];
  if (type === 'syscall' && argument) return (row['args'] as string[])[Number(argument)];
  if (type === 'path' && name in { name: 1, inode: 1, dev: 1, mode: 1 }) return first(`path_${name}s`);
  if (type === 'sockaddr' && name === 'family')
    return Object.entries(families).find(([, f]) => f === row['addr_family'])?.[0] ?? row['addr_family'];
  if (type === 'sockaddr') return String(row[name === 'path' ? 'addr' : name]);
  if (type === 'proctitle') return (row['proctitle'] as string[]).join(' ');
  if (type === 'seccomp' && name === 'syscall') return (row['arg_names'] as Row)['syscall'];
  if (name === 'sig') return (row['arg_names'] as Row)['signal'];
  if (name === 'exit') return row['exit_name'] || String(row['exit']);
  if (name === 'syscall') return row['syscall_name'];
  if (name === 'result')
    return type === 'syscall'
      ? { yes: 'success', no: 'fail' }[String(row['success'])]
      : row['result'] === 'failed'
        ? 'fail'
        : row['result'];
  if (name === 'new_auid') return String(row['auid']);
  if (name === 'tty' && type === 'syscall') return row['tty'] || '(none)';
  if (type.startsWith('crypto_') && name === 'suid') return fields[name]; // of the peer
  if (name === 'old-auid') return fields[name] === '4294967295' ? 'unset' : fields[name];
  if (ids.includes(name)) return row[name] === -1 ? 'unset' : String(row[name]);
  if (['arch', 'comm', 'exe', 'cwd', 'op', 'acct'].includes(name) && row[name] !== '') return row[name];
  return fields[name] ?? fields[name.replaceAll('_', '-')] ?? (value === '' ? '' : undefined);
}

it.runIf(messages.length > 0)(
  'every field that go-libaudit reads is read alike, or is left out for a reason',
  async () => {
    const records = messages.map((message, i) => ({
      format: 'auditd' as const,
      raw: `type=${message.record_type.toUpperCase()} msg=${message.raw_msg}`,
      eventKey: `${1_500_000_000 + i}.000:${i}`, // each line by itself
    }));
    await decodeRecords(store, records);
    const rows = await typedRows(store, 'auditd', 'serial');
    expect(rows).toHaveLength(messages.length);
    const different: string[] = [];
    let compared = 0;
    for (const [i, { record_type: type, data, keys }] of messages.entries()) {
      const row = rows[i] ?? {};
      // the key of CONFIG_CHANGE is the one of a rule that was loaded: a field, as it marks no event
      if (keys && type !== 'config_change') expect(row['keys']).toEqual(keys);
      for (const [name, value] of Object.entries(data)) {
        if (reasonFor(type, name) !== undefined) continue;
        compared++;
        const got = ours(type, name, row, value);
        if (got !== value) different.push(`${type} ${i} ${name}: ${JSON.stringify(got)} for ${JSON.stringify(value)}`);
      }
    }
    expect(different).toEqual([]);
    expect(compared).toBeGreaterThan(500);
  },
);
