import { expect, test } from 'vitest';
import { addedContainers } from './grow-webhooks.ts';

// as the API server writes it: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#mutating-webhook-auditing-annotations
const note = (configuration: string, patch: unknown[]) =>
  JSON.stringify({ configuration, webhook: 'a.example', patch, patchType: 'JSONPatch' });
const added = (...patches: string[]) => [...addedContainers({ patches })].sort();

test('a container that a webhook appends or puts anywhere is its own', () => {
  const first = note('mesh', [{ op: 'add', path: '/spec/containers/-', value: { name: 'proxy', image: 'x' } }]);
  const second = note('logs', [{ op: 'add', path: '/spec/initContainers', value: [{ name: 'a' }, { name: 'b' }] }]);
  expect(added(first, second)).toEqual([
    ['a', 'logs'],
    ['b', 'logs'],
    ['proxy', 'mesh'],
  ]);
});

test('what else a webhook changes adds no container, and what cannot be read says nothing', () => {
  const label = { op: 'add', path: '/metadata/labels/a', value: 'b' };
  const env = { op: 'add', path: '/spec/containers/0/env', value: [{ name: 'PATH', value: '/bin' }] };
  const image = { op: 'replace', path: '/spec/containers/0', value: { name: 'web' } };
  expect(added(note('defaults', [label, env, image]))).toEqual([]);
  expect(added('{', 'null', '{"configuration":"x"}', note('x', [{ op: 'add', path: '/spec/containers/-' }]))).toEqual(
    [],
  );
});
