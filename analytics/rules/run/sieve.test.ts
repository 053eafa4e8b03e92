// The sieve on the real engine, over rows whose columns of few values hold what text could garble.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../store/connect.ts';
import { withScratchTable } from '../../store/scratch.ts';
import type { Store } from '../../store/store.ts';
import type { Expression } from '../language/expression.ts';
import type { EventRule } from '../language/rule.ts';
import { few, many, ofFew } from '../sources/source.ts';
import { openSieve, type Sieved } from './sieve.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-sieve-'));
let store: Store;
beforeAll(async () => {
  store = await connect(`embedded:${directory}`, 'sieve test');
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const VALUES = ['', 'a', "a'", 'a\\', '\\0', '\0', "','", '])', '\n\t', 'ſ', '{a:b}'];
const fields = {
  one: few('a.name'),
  many: ofFew(many('a.names')),
  key: ofFew(many('mapKeys(a.pairs)')),
  value: ofFew(many('mapValues(a.pairs)')),
};
const eventsOf = (table: string): Sieved['events'] => ({
  table: 'auditd',
  alias: 'a',
  key: ['place'],
  few: ['name', 'names', 'pairs'],
  eventKey: 'toString(place)',
  from: (within) => `(SELECT * FROM ${table} WHERE ${within}) AS a`,
  see: (name) => ({ fields: [fields[name as keyof typeof fields]], whole: true }),
});
const rule = (field: string, text: string): EventRule => {
  const condition: Expression = {
    kind: 'test',
    field,
    match: { kind: 'pattern', pattern: [{ text }], cased: true },
    at: '',
  };
  return { condition, logsource: {} } as unknown as EventRule;
};

describe('a sieve', () => {
  it('asks columns of few values for what they hold, whatever that is', async () => {
    const definition =
      '(place UInt8, name LowCardinality(String), names Array(LowCardinality(String)), pairs Map(LowCardinality(String), LowCardinality(String))) ENGINE = Memory';
    await withScratchTable(store, 'made', definition, async (table) => {
      await store.insert(
        table,
        VALUES.map((value, place) => ({ place, name: value, names: [value, 'other'], pairs: { [value]: value } })),
      );
      const rules = Object.keys(fields).flatMap((field) => VALUES.filter((v) => v !== '').map((v) => rule(field, v)));
      const sieve = await openSieve(store, { events: eventsOf(table), constraint: () => undefined }, rules, '1');
      try {
        const left = await store.rows(
          `SELECT place, arraySort(settled) AS rules FROM (${sieve.among(rules, [])}) ORDER BY place`,
        );
        const told = VALUES.length - 1;
        expect(left).toEqual(
          VALUES.slice(1).map((_, i) => ({ place: i + 1, rules: Object.keys(fields).map((_, nth) => nth * told + i) })),
        );
      } finally {
        await sieve.close();
      }
    });
  });
});
