// The schema: numbered SQL files, forward only. Table schema_versions tells how far a store is.

import names from '../decode/reference/names.sql';
import syscalls from '../decode/reference/syscalls.sql';
import records from './schema/001-records.sql';
import typed from './schema/002-typed.sql';
import entities from './schema/003-entities.sql';
import conclusions from './schema/004-conclusions.sql';
import evidence from './schema/005-evidence.sql';
import retention from './schema/006-retention.sql';
import stagedReason from './schema/007-staged-reason.sql';
import imports from './schema/008-imports.sql';
import runtimeShapes from './schema/009-runtime-shapes.sql';
import k8sAuditBodies from './schema/010-k8s-audit-bodies.sql';
import stagedDigests from './schema/011-staged-digests.sql';
import parts from './schema/012-parts.sql';
import oversized from './schema/013-oversized.sql';
import collectorNotices from './schema/014-collector-notices.sql';
import processes from './schema/015-processes.sql';
import containers from './schema/016-containers.sql';
import minutes from './schema/017-minutes.sql';
import actors from './schema/018-actors.sql';
import gaps from './schema/019-gaps.sql';
import sessions from './schema/020-sessions.sql';
import loginRecords from './schema/021-login-records.sql';
import baselines from './schema/026-baselines.sql';
import noise from './schema/027-noise.sql';
import lists from './schema/028-lists.sql';
import ruleHits from './schema/032-rule-hits.sql';
import namedPids from './schema/033-named-pids.sql';
import auditNotes from './schema/034-audit-notes.sql';
import { withSchemaLock } from './schema-lock.ts';
import { type Store, StoreError, sqlString } from './store.ts';

const files = [
  ...[records, typed, syscalls, entities, conclusions, evidence, retention, stagedReason, imports, names],
  ...[runtimeShapes, k8sAuditBodies, stagedDigests, parts, oversized, collectorNotices],
  ...[processes, containers, minutes, actors, gaps, sessions, loginRecords, noise, baselines, lists],
  ...[ruleHits, namedPids, auditNotes],
];

/** Brings a store to this program's schema; refuses one that a newer program has moved on. */
export async function migrate(store: Store): Promise<void> {
  await store.run(
    'CREATE TABLE IF NOT EXISTS schema_versions (n UInt32, applied_at DateTime DEFAULT now()) ENGINE = ReplacingMergeTree ORDER BY n',
  );
  if ((await versionOf(store)) < files.length) await withSchemaLock(store, () => bringFiles(store));
}

async function bringFiles(store: Store): Promise<void> {
  const done = await versionOf(store);
  for (const [i, file] of files.entries()) {
    if (i < done) continue;
    for (const statement of statementsOf(file)) await store.run(await withoutInput(store, statement));
  }
  // once for all: each statement may be run again, so that who is killed among them begins anew
  const applied = 'INSERT INTO schema_versions (n) SELECT number + 1 FROM numbers({done:UInt32}, {more:UInt32})';
  if (files.length > done) await store.run(applied, { done, more: files.length - done });
}

/** @throws StoreError where the process that owns the store is of another Vestige: its tables are not those that this program knows */
export async function checkSchema(store: Store): Promise<void> {
  const done = await versionOf(store);
  if (done < files.length) {
    throw new StoreError(
      'busy',
      `the store ${store.location} is held by a process of an older Vestige (schema ${done}, this program knows ${files.length}); end it, or start it anew with this program`,
    );
  }
}

async function versionOf(store: Store): Promise<number> {
  const [row] = await store.rows('SELECT toUInt32(max(n)) AS n FROM schema_versions', {}, 'write');
  const done = Number(row?.['n'] ?? 0);
  if (done > files.length) {
    throw new StoreError(
      'newer-schema',
      `the store ${store.location} was made by a newer Vestige (schema ${done}, this program knows ${files.length})`,
    );
  }
  return done;
}

// The engine takes rows of INSERT ... VALUES from standard input as well, which belongs to the command; a SELECT it does not feed.
// As text for a format and not as a list of expressions: of these the engine takes a sixth of a second for the system calls alone.
async function withoutInput(store: Store, statement: string): Promise<string> {
  const [, table, values = ''] = /^INSERT INTO (\w+)\s+VALUES\s+([\s\S]*)$/.exec(statement) ?? [];
  if (table === undefined) return statement;
  const columns = await store.rows(
    'SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String} ORDER BY position',
    { table },
    'write',
  );
  const structure = columns.map(({ name, type }) => `${name} ${type}`).join(', ');
  return `INSERT INTO ${table} SELECT * FROM format(Values, ${sqlString(structure)}, ${sqlString(values)})`;
}

/** Statements of a schema file: comments go, a semicolon at the end of a line ends a statement. */
function statementsOf(sql: string): string[] {
  return sql
    .replace(/--[^\n]*/g, '')
    .split(/;\s*(?:\n|$)/)
    .map((s) => s.trim())
    .filter((s) => s !== '');
}
