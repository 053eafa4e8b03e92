// Gaps that auditd and the kernel tell of themselves: auditd was not there, auditing was off, rules went, records were lost.
// What they rest on is a handful of records a node (gaps-notes-of-auditd.sql); the missing serials are counted elsewhere.
import type { FoundGap } from './gap.ts';

/** One record about auditing; times in ms since 1970. */
export interface AuditNote {
  cluster: string;
  node: string;
  time: number;
  types: string[];
  fields: Record<string, string>;
  digest: string;
  /** Of the node's events. */
  oldest: number;
  newest: number;
  /** The latest event before this one, for a start of auditd; 0 none. */
  before: number;
}

/** auditctl loads a file of rules in well under a second; ten seconds allow for a slow node. */
const ONE_LOAD_MS = 10_000;
/** Rules that are loaded so soon after auditd or the node started, or after the log began, belong to the start. */
const AT_START_MS = 120_000;
/** What the kernel held back for auditd is from the boot or the moments without one: the log of an earlier auditd is older than that. */
const HELD_BACK_MS_MAX = 600_000;
/** Clocks are set by less without anybody noticing (chrony, NTP). */
const CLOCK_SET_S_MIN = 1;

/** Pure. Notes of a node must come in order of time. */
export function gapsOfAuditing(notes: readonly AuditNote[]): FoundGap[] {
  const nodes = new Map<string, AuditNote[]>();
  for (const note of notes) {
    const key = `${note.cluster}\0${note.node}`;
    nodes.set(key, [...(nodes.get(key) ?? []), note]);
  }
  return [...nodes.values()].flatMap((ofNode) => [
    ...absences(ofNode),
    ...switchedOff(ofNode),
    ...rulesChanged(ofNode),
    ...lost(ofNode),
    ...clockSet(ofNode),
  ]);
}

const gapOf = (
  at: AuditNote,
  kind: string,
  from: number,
  to: number,
  missing: number,
  detail: string,
  digests: readonly string[],
): FoundGap => ({
  ...{ cluster: at.cluster, node: at.node, source: 'auditd', kind, missing, detail },
  ...{ first_seen: Math.min(from, to), last_seen: Math.max(from, to), digests: [...new Set(digests)] },
});

const isStart = (n: AuditNote) => n.types.includes('DAEMON_START');
const isEnd = (n: AuditNote) => n.types.includes('DAEMON_END') || n.types.includes('DAEMON_ABORT');
const isBoot = (n: AuditNote) => n.types.includes('SYSTEM_BOOT');

function absences(notes: readonly AuditNote[]): FoundGap[] {
  const gaps: FoundGap[] = [];
  let end: AuditNote | undefined;
  let ranBefore = false;
  for (const note of notes) {
    if (isEnd(note)) end = note;
    if (!isStart(note)) continue;
    ranBefore ||= note.oldest < note.time - HELD_BACK_MS_MAX;
    const from = end?.time ?? note.before;
    const booted = notes.some((n) => isBoot(n) && n.time > from && n.time <= note.time + AT_START_MS);
    const meanwhile = booted ? '; the node was started anew meanwhile' : '';
    if (end !== undefined)
      gaps.push(
        gapOf(note, 'auditd-stopped', from, note.time, -1, `auditd was stopped, and started again${meanwhile}`, [
          end.digest,
          note.digest,
        ]),
      );
    else if (from > 0 && ranBefore)
      gaps.push(
        gapOf(
          note,
          'auditd-restarted',
          from,
          note.time,
          -1,
          `auditd started; no end of the run before is in its log${meanwhile}`,
          [note.digest],
        ),
      );
    end = undefined;
    ranBefore = true;
  }
  return gaps;
}

const succeeded = (n: AuditNote) => n.fields['res'] !== '0' && n.fields['res'] !== 'failed';

function switchedOff(notes: readonly AuditNote[]): FoundGap[] {
  const gaps: FoundGap[] = [];
  let off: AuditNote | undefined;
  const close = (from: AuditNote, to: number, digests: string[]) =>
    gaps.push(
      gapOf(from, 'audit-disabled', from.time, to, -1, 'auditing was switched off in the kernel', [
        from.digest,
        ...digests,
      ]),
    );
  for (const note of notes) {
    const state = note.fields['audit_enabled'];
    if (state === '0' && succeeded(note)) off ??= note;
    // auditd switches auditing on when it starts
    else if (off !== undefined && ((state !== undefined && succeeded(note)) || isStart(note))) {
      close(off, note.time, [note.digest]);
      off = undefined;
    }
  }
  if (off !== undefined) close(off, off.newest, []);
  return gaps;
}

/** `add_rule`, `remove_rule`, as older kernels write them too (`add rule`); `updated_rules` follows a file that was replaced. */
const changeOf = (n: AuditNote) => /^(add|remove)[ _]rule$/.exec(n.fields['op'] ?? '')?.[1];
const ruleOf = (n: AuditNote) => `${n.fields['list'] ?? ''}\0${n.fields['key'] ?? ''}`;

function rulesChanged(notes: readonly AuditNote[]): FoundGap[] {
  const changes = notes.filter((n) => changeOf(n) !== undefined && succeeded(n));
  const loads: AuditNote[][] = [];
  for (const change of changes) {
    const last = loads.at(-1)?.at(-1);
    if (last !== undefined && change.time - last.time < ONE_LOAD_MS) loads.at(-1)?.push(change);
    else loads.push([change]);
  }
  const restored = restoredAt(changes);
  const starts = notes.filter((n) => isStart(n) || isBoot(n)).map((n) => n.time);
  return loads.flatMap((load) => tellLoad(load, starts, restored));
}

/** When each rule that was removed was there again; rules are told apart by list and key, which is all that the kernel writes of them. */
function restoredAt(changes: readonly AuditNote[]): Map<AuditNote, number> {
  const open = new Map<string, AuditNote[]>();
  const restored = new Map<AuditNote, number>();
  for (const change of changes) {
    const waiting = open.get(ruleOf(change)) ?? [];
    open.set(ruleOf(change), waiting);
    if (changeOf(change) === 'remove') waiting.push(change);
    else {
      const removed = waiting.shift();
      if (removed !== undefined) restored.set(removed, change.time);
    }
  }
  return restored;
}

function tellLoad(load: readonly AuditNote[], starts: readonly number[], restored: Map<AuditNote, number>): FoundGap[] {
  const [first] = load as [AuditNote];
  const end = Math.max(...load.map((n) => n.time));
  const removed = load.filter((n) => changeOf(n) === 'remove');
  const added = load.length - removed.length;
  const gone = removed.filter((n) => (restored.get(n) ?? Number.POSITIVE_INFINITY) > end);
  const atStart = starts.some((s) => Math.abs(first.time - s) < AT_START_MS) || first.time < first.oldest + AT_START_MS;
  if (atStart && gone.length === 0) return [];
  const until = gone.map((n) => restored.get(n) ?? n.newest);
  const keys = [...new Set(removed.map((n) => n.fields['key'] ?? '').filter((k) => k !== ''))].sort();
  const told = [
    removed.length > 0 ? `${removed.length} removed${keys.length > 0 ? ` (${keys.slice(0, 10).join(', ')})` : ''}` : '',
    added > 0 ? `${added} added` : '',
    gone.length > 0 ? `${gone.length} of them not at once restored` : '',
    removed.length === 0 ? 'what they tell of left no record before' : '',
  ];
  return [
    gapOf(
      first,
      'audit-rules-changed',
      first.time,
      Math.max(end, ...until),
      -1,
      `rules: ${told.filter((t) => t !== '').join(', ')}`,
      load.slice(0, 100).map((n) => n.digest),
    ),
  ];
}

/** The kernel counts what it lost from the boot on; the count is told by few records, and reset by `auditctl --reset-lost`. */
function lost(notes: readonly AuditNote[]): FoundGap[] {
  const gaps: FoundGap[] = [];
  let count = 0;
  let since: { time: number; digests: string[] } | undefined;
  for (const note of notes) {
    if (isBoot(note)) {
      count = 0;
      since = { time: note.time, digests: [note.digest] };
    }
    const { lost: told, audit_lost: printed, old } = note.fields;
    const reset = told === '0' && old !== undefined;
    const now = Number(reset ? old : (told ?? printed));
    if (!Number.isSafeInteger(now) || now < 0) continue;
    if (now < count) count = 0; // a boot that nothing told of
    if (now > count) {
      const missing = now - count;
      gaps.push(
        gapOf(
          note,
          'records-lost',
          since?.time ?? note.oldest,
          note.time,
          missing,
          `the kernel counted ${missing} records that it could not keep (lost=${now})`,
          [...(since?.digests ?? []), note.digest],
        ),
      );
    }
    count = reset ? 0 : now;
    since = { time: note.time, digests: [note.digest] };
  }
  return gaps;
}

function clockSet(notes: readonly AuditNote[]): FoundGap[] {
  return notes
    .filter((n) => n.types.includes('TIME_INJOFFSET'))
    .map((note) => ({ note, seconds: Number(note.fields['sec'] ?? 'none') }))
    .filter(({ seconds }) => Math.abs(seconds) >= CLOCK_SET_S_MIN)
    .map(({ note, seconds }) =>
      gapOf(note, 'clock-stepped', note.time, note.time, 0, `the clock was set by ${seconds} s`, [note.digest]),
    );
}
