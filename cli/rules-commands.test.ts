// What is told of rules: the list and the matrix, with and without a store, in two languages.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../analytics/store/connect.ts';
import type { Store } from '../analytics/store/store.ts';
import { EXIT } from './context.ts';
import { run } from './test-support/run-command.ts';

const directory = mkdtempSync(join(tmpdir(), 'vestige-rules-commands-'));
const location = `embedded:${join(directory, 'store')}`;
const nowhere = `embedded:${join(directory, 'nowhere')}`;
const pack = join(directory, 'pack');
const ID = '11111111-1111-4111-8111-111111111111';
let store: Store;

beforeAll(async () => {
  mkdirSync(pack);
  writeFileSync(
    join(pack, 'exec.yml'),
    `
title: Command in a pod
id: ${ID}
tags: [attack.execution, attack.t1609]
logsource: { product: kubernetes, service: audit }
detection: { exec: { objectRef.subresource: exec }, condition: exec }
level: low
x-vestige:
  question: Who ran commands?
  level_reason: Everyday work.
  zh: { title: 在 Pod 中执行命令, description: 日常工具。 }
  matrix: [EX-01]
  cases: { match: [{ name: exec, event: { verb: get } }] }
`,
  );
  store = await connect(location, 'test');
  await store.insert('findings', [
    {
      cluster: 'c',
      id: 'f',
      rule_id: ID,
      title: 'Command in a pod',
      severity: 'low',
      summary: 'alice ran id',
      version: 1,
    },
  ]);
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const row = (text: string, id: string) => text.split('\n').find((line) => line.startsWith(`${id}\t`)) ?? '';

describe('rules coverage', () => {
  it('prints the whole matrix, with what the store holds, and says on the side for what there is no rule', async () => {
    const { out, err, code } = await run(location, ['rules', 'coverage'], { pack });
    expect(out.trim().split('\n')).toHaveLength(69);
    expect(row(out, 'EX-01').split('\t').slice(1, 8)).toEqual([
      'Execution',
      'kubectl exec into a container',
      'T1609',
      'k8s-audit (runtime) (auditd)',
      '1',
      '1',
      '1',
    ]);
    expect(err).toMatch(/^69 techniques, 1 with rules \(1\), 1 seen in this store; none for IA-01 IA-02/);
    expect(code).toBe(EXIT.done);
  });

  it('is told without findings where there is no store, and makes none', async () => {
    const { out } = await run(nowhere, ['--json', 'rules', 'coverage'], { pack });
    const exec = JSON.parse(out).find(({ id }: { id: string }) => id === 'EX-01');
    expect(exec).toMatchObject({ findings: null, cases: 1, rules: [{ id: ID, title_zh: '在 Pod 中执行命令' }] });
    expect(existsSync(join(directory, 'nowhere'))).toBe(false);
  });

  it('tells one technique in full, in Chinese when asked', async () => {
    const { out } = await run(location, ['rules', 'coverage', '--technique', 'ex-01', '--lang', 'zh'], { pack });
    expect(out).toContain('通过kubectl进入容器');
    expect(out).toContain('在 Pod 中执行命令 (k8s-audit; 1 cases, 1 findings)');
    const unseen = await run(location, ['rules', 'coverage', '--technique', 'IA-08'], { pack });
    expect(unseen.out).toMatch(/no rule\n\n.*Not seen: .*\n(.*\n)*.*Needed: /);
    expect((await run(location, ['rules', 'coverage', '--technique', 'XX-99'], { pack })).code).toBe(EXIT.notFound);
  });

  it('writes a layer of the Navigator and nothing else', async () => {
    const { out } = await run(location, ['rules', 'coverage', '--navigator'], { pack });
    const layer = JSON.parse(out);
    const exec = layer.techniques.find(({ techniqueID }: { techniqueID: string }) => techniqueID === 'T1609');
    expect(exec).toMatchObject({ score: 1, color: layer.legendItems[0].color });
  });

  it('takes a directory of other rules, and says when there is none', async () => {
    const { out } = await run(nowhere, ['rules', 'coverage', '--rules', pack]);
    expect(row(out, 'EX-01').split('\t')[5]).toBe('1');
    expect((await run(nowhere, ['rules', 'coverage', '--rules', join(directory, 'x')])).code).toBe(EXIT.notFound);
  });
});

describe('two languages', () => {
  it('a list of rules has the title and what it asks, or both in Chinese', async () => {
    const english = await run(nowhere, ['rules', 'list'], { pack });
    expect(english.out.split('\t').slice(0, 4)).toEqual(['low', 'Command in a pod', 'Who ran commands?', 'EX-01']);
    const chinese = await run(nowhere, ['rules', 'list', '--lang', 'zh'], { pack });
    expect(chinese.out.split('\t').slice(1, 3)).toEqual(['在 Pod 中执行命令', '日常工具。']);
  });

  it('findings keep their words, and show the title of their rule in Chinese when asked', async () => {
    const english = await run(location, ['findings'], { pack });
    expect(english.out).toContain('Command in a pod');
    const chinese = await run(location, ['findings', '--lang', 'zh'], { pack });
    expect(chinese.out).toContain('在 Pod 中执行命令');
    expect(chinese.out).toContain('alice ran id');
    const [finding] = JSON.parse((await run(location, ['--json', 'findings', '--lang', 'zh'], { pack })).out);
    expect(finding.title).toBe('Command in a pod');
  });
});
