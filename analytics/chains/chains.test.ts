import { expect, test } from 'vitest';
import { type Component, foldRepeated } from './chains.ts';
import type { ChainFinding } from './findings.ts';

const MINUTE = 60_000;
const component = (id: string, at: number, rule_id: string, node = 'n'): Component => ({
  entities: [`process:${id}`],
  links: [],
  findings: [{ id, at, rule_id, node, namespace: '', pod: '', container_id: '', principal: '' } as ChainFinding],
});
const idsOf = (components: readonly Component[]) => components.map((c) => c.entities.join(' '));

test('the same rules of the same place one after the other are one chain, however long it goes on', () => {
  const often = [0, 8, 16, 24].map((minute) => component(`at${minute}`, minute * MINUTE, 'rules-removed'));
  expect(idsOf(foldRepeated([...often].reverse()))).toEqual(['process:at0 process:at8 process:at16 process:at24']);
});

test('another rule, another node, or much later is a chain of its own', () => {
  const apart = [
    component('a', 0, 'rules-removed'),
    component('b', 1, 'account-added'),
    component('c', 2, 'rules-removed', 'other'),
    component('d', 11 * MINUTE, 'rules-removed'),
  ];
  expect(idsOf(foldRepeated(apart))).toEqual(['process:a', 'process:b', 'process:c', 'process:d']);
});
