import { describe, expect, it } from 'vitest';
import { type AuditNote, gapsOfAuditing } from './gaps-of-auditing.ts';

const T = Date.parse('2026-05-01T10:00:00Z');
let n = 0;
const note = (
  s: number,
  type: string,
  fields: Record<string, string> = {},
  more: Partial<AuditNote> = {},
): AuditNote => ({
  ...{ cluster: 'c', node: 'w', time: T + s * 1000, types: [type], fields, digest: `d${n++}` },
  ...{ oldest: T - 86_400_000, newest: T + 86_400_000, before: 0 },
  ...more,
});
const rule = (s: number, op: string, key: string, more: Partial<AuditNote> = {}) =>
  note(s, 'CONFIG_CHANGE', { op, key, list: '4', res: '1' }, more);
const told = (notes: AuditNote[]) =>
  gapsOfAuditing(notes).map((g) => [g.kind, (g.first_seen - T) / 1000, (g.last_seen - T) / 1000, g.missing, g.detail]);

describe('what auditd tells of itself', () => {
  it('is a gap from its end to its start, and says when the node was started anew between', () => {
    expect(told([note(0, 'DAEMON_END'), note(5, 'DAEMON_START')])).toEqual([
      ['auditd-stopped', 0, 5, -1, 'auditd was stopped, and started again'],
    ]);
    expect(told([note(0, 'DAEMON_END'), note(50, 'DAEMON_START'), note(51, 'SYSTEM_BOOT')])[0]?.[4]).toMatch(/anew/);
    expect(told([note(0, 'DAEMON_END')])).toEqual([]);
  });

  it('is a gap without an end, if an earlier auditd had written the log', () => {
    const killed = note(60, 'DAEMON_START', {}, { before: T + 10_000 });
    expect(told([killed])).toEqual([
      ['auditd-restarted', 10, 60, -1, 'auditd started; no end of the run before is in its log'],
    ]);
    // the first start of all: what the kernel held back for it is older by moments
    expect(told([{ ...killed, oldest: T }])).toEqual([]);
    expect(told([note(0, 'DAEMON_START', {}, { oldest: T }), { ...killed, oldest: T }])).toHaveLength(1);
  });

  it('is none where rules are loaded at the start of the log', () => {
    expect(
      told([note(0, 'DAEMON_START', {}, { oldest: T }), rule(1.5, 'add_rule', 'exec'), rule(1.5, 'add_rule', '')]),
    ).toEqual([]);
    expect(told([rule(0, 'add_rule', 'exec', { oldest: T })])).toEqual([]);
  });

  it('lasts while a rule is gone, to the end where it never comes back', () => {
    const removed = [rule(100, 'remove_rule', 'exec'), rule(100, 'remove_rule', 'net')];
    expect(told([...removed, rule(400, 'add_rule', 'exec'), rule(460, 'add_rule', 'net')])[0]).toEqual([
      'audit-rules-changed',
      100,
      460,
      -1,
      'rules: 2 removed (exec, net), 2 of them not at once restored',
    ]);
    expect(told(removed)[0]?.[2]).toBe(86_400);
    // loaded again at once
    expect(told([...removed, rule(100.1, 'add_rule', 'exec'), rule(100.1, 'add_rule', 'net')])).toEqual([
      ['audit-rules-changed', 100, 100.1, -1, 'rules: 2 removed (exec, net), 2 added'],
    ]);
    expect(told([note(100, 'CONFIG_CHANGE', { op: 'remove_rule', key: 'x', list: '4', res: '0' })])).toEqual([]);
    expect(told([note(100, 'CONFIG_CHANGE', { op: 'updated_rules', key: 'x', list: '4', res: '1' })])).toEqual([]);
  });

  it('lasts while auditing is switched off', () => {
    const off = note(10, 'CONFIG_CHANGE', { op: 'set', audit_enabled: '0', old: '1', res: '1' });
    const on = note(70, 'CONFIG_CHANGE', { op: 'set', audit_enabled: '1', old: '0', res: '1' });
    const why = 'auditing was switched off in the kernel';
    expect(told([off, on])).toEqual([['audit-disabled', 10, 70, -1, why]]);
    expect(told([off])).toEqual([['audit-disabled', 10, 86_400, -1, why]]);
    expect(told([on])).toEqual([]);
    expect(told([{ ...off, fields: { ...off.fields, res: '0' } }])).toEqual([]);
  });

  it('counts what the kernel lost, from one telling to the next', () => {
    const status = (s: number, lost: string) => note(s, 'KERNEL', { audit_lost: lost });
    const reset = note(90, 'CONFIG_CHANGE', { op: 'set', lost: '0', old: '30', res: '1' });
    const counts = [
      note(0, 'SYSTEM_BOOT'),
      status(10, '0'),
      status(20, '12'),
      status(50, '12'),
      reset,
      status(99, '5'),
    ];
    expect(told(counts).map((g) => g.slice(0, 4))).toEqual([
      ['records-lost', 10, 20, 12],
      ['records-lost', 50, 90, 18],
      ['records-lost', 90, 99, 5],
    ]);
    expect(told([status(20, '12'), status(30, '4')]).map((g) => g[3])).toEqual([12, 4]);
    expect(told([status(20, 'none')])).toEqual([]);
  });

  it('says when the clock was set, and keeps nodes apart', () => {
    expect(
      told([
        note(5, 'TIME_INJOFFSET', { sec: '-3600', nsec: '0' }),
        note(6, 'TIME_INJOFFSET', { sec: '0', nsec: '5' }),
      ]),
    ).toEqual([['clock-stepped', 5, 5, 0, 'the clock was set by -3600 s']]);
    expect(told([note(0, 'DAEMON_END'), note(5, 'DAEMON_START', {}, { node: 'other' })])).toEqual([]);
  });
});
