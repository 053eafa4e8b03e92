// The reckoning at the end of a fault test: what a source made against what the store has, by digest, and what is told to be missing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { connect } from '../../analytics/store/connect.ts';
import type { Row } from '../../analytics/store/store.ts';
import { vestige } from '../support/vestige.ts';

export interface StoreUnderTest {
  readonly location: string;
  ask(sql: string): Promise<Row[]>;
  /** Digests of the records of sources, each as often as it counts. */
  digests(where?: string): Promise<string[]>;
  /** Resolves once the store has them all, or after so long. */
  arrival(of: ReadonlySet<string>, msMax?: number): Promise<void>;
}

/** The store is opened for each question: it may be held by others, or by nobody. */
export function storeAt(location: string): StoreUnderTest {
  const ask = async (sql: string) => {
    const opened = await connect(location, 'test');
    try {
      return await opened.rows(sql);
    } finally {
      await opened.close();
    }
  };
  const digests = async (where = 'true') => {
    const rows = await ask(
      `SELECT lower(hex(digest)) AS d FROM records FINAL WHERE source != 'collector' AND (${where})`,
    );
    return rows.map(({ d }) => String(d));
  };
  return {
    ...{ location, ask, digests },
    arrival: async (of, msMax = 120_000) => {
      for (const deadline = Date.now() + msMax; Date.now() < deadline; await sleep(1_000)) {
        const there = new Set(await digests().catch(() => []));
        if ([...of].every((digest) => there.has(digest))) return;
      }
    },
  };
}

export interface Reckoning {
  compared: number;
  lost: number;
  doubled: number;
  /** Digests in the store that the source did not make. */
  strange: number;
  deadLetters: number;
}

export async function reckon(store: StoreUnderTest, made: ReadonlySet<string>): Promise<Reckoning> {
  const found = await store.digests();
  const there = new Set(found);
  const [dead] = await store.ask('SELECT count() AS n FROM dead_letters FINAL');
  return {
    compared: made.size,
    lost: [...made].filter((digest) => !there.has(digest)).length,
    doubled: found.length - there.size,
    strange: [...there].filter((digest) => !made.has(digest)).length,
    deadLetters: Number(dead?.['n']),
  };
}

export const allThere = (made: ReadonlySet<string>): Reckoning => ({
  ...{ compared: made.size, lost: 0, doubled: 0, strange: 0, deadLetters: 0 },
});

export interface Gap {
  first_seen: string;
  last_seen: string;
  source: string;
  node: string;
  kind: string;
  collector: string;
  stream: string;
  /** Null: nobody can know. */
  missing: number | null;
  detail: string;
}

/** As `vestige gaps` lists them after `vestige correlate`; without rules, for nothing is to be found. */
export async function gapsOf(store: StoreUnderTest): Promise<Gap[]> {
  const rules = mkdtempSync(join(tmpdir(), 'vestige-no-rules-'));
  const correlated = await vestige('--store', store.location, 'correlate', '--no-pack', '--rules', rules);
  rmSync(rules, { recursive: true });
  expect(correlated.code, correlated.err).toBe(0);
  const { out } = await vestige('--store', store.location, '--json', 'gaps', '--limit', '10000');
  return JSON.parse(out) as Gap[];
}

/** Typed rows: one for each event, of one record each. */
export async function typedRows(store: StoreUnderTest): Promise<Row> {
  const [row] = await store.ask(`SELECT
    (SELECT count() FROM k8s_audit FINAL) AS k8s, (SELECT count() FROM auditd FINAL) AS auditd,
    (SELECT countIf(length(digests) != 1) FROM auditd FINAL) AS united`);
  return row as Row;
}
