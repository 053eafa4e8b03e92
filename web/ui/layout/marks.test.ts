import { describe, expect, it } from 'vitest';
import type { ChainMark, EventMark, FindingMark, Lane, TimelineEvents } from '../../api/types.ts';
import { layoutLanes } from './lane-rows.ts';
import { arrangeMarks, hitMarks, visibleMarks } from './marks.ts';
import { createScale } from './scale.ts';

const event = (id: string, t: number, more: Partial<EventMark> = {}): EventMark => ({
  id,
  lane: 'pod:c/a',
  t,
  layer: 'auditd',
  action: 'execve',
  object: '',
  outcome: '',
  principal: '',
  exe: '',
  digest: `d-${id}`,
  ...more,
});
const member = (id: string, t: number): ChainMark => ({ ...event(id, t), step: 2, role: 'core' });
const answer = (events: EventMark[], counted: TimelineEvents['counted'] = []): TimelineEvents => ({
  from: 0,
  to: 1000,
  width_ms: 100,
  total: events.length,
  events,
  counted,
});
const lane: Lane = {
  id: 'pod:c/a',
  kind: 'pod',
  cluster: 'c',
  namespace: '',
  name: 'a',
  containers: [],
  from: null,
  to: null,
  events: { auditd: 5, 'k8s-audit': 1 },
  chains: [],
};
const rows = layoutLanes([lane], null);
const y = rows[0]?.trackY.auditd ?? 0;
const scale = createScale({ from: 0, to: 1000 }, 1000);

describe('marks', () => {
  it('of the chain take the place of the same event, whatever it is called there', () => {
    const marks = arrangeMarks(
      answer([event('x', 500), event('y', 600)]),
      [{ ...member('x', 500), id: 'member-1' }],
      [],
    );
    expect(marks.tracks.get('auditd|pod:c/a')?.marks.map((mark) => mark.role)).toEqual(['core', 'background']);
  });

  it('carry the gravest finding of their record', () => {
    const finding = (id: string, severity: FindingMark['severity']) => ({ id, severity, digest: 'd-x' }) as FindingMark;
    const marks = arrangeMarks(
      answer([event('x', 1)]),
      [],
      [finding('a', 'low'), finding('b', 'critical'), finding('c', 'high')],
    );
    expect(marks.tracks.get('auditd|pod:c/a')?.marks[0]?.finding?.id).toBe('b');
  });

  it('are made of findings on events that are only counted', () => {
    const finding = { id: 'f', lane: 'pod:c/a', t: 7, layer: 'auditd', severity: 'high', digest: 'd', summary: 's' };
    const marks = arrangeMarks(answer([]), [], [finding as FindingMark]);
    const [mark] = marks.tracks.get('auditd|pod:c/a')?.marks ?? [];
    expect([mark?.event.t, mark?.event.object, mark?.finding?.id]).toEqual([7, 's', 'f']);
  });

  it('are cut to the view by bisection', () => {
    const marks = arrangeMarks(answer(Array.from({ length: 1000 }, (_, i) => event(`${i}`, 999 - i))), [], []);
    const track = marks.tracks.get('auditd|pod:c/a');
    if (!track) throw new Error('no track');
    const seen = visibleMarks(track, createScale({ from: 100, to: 110 }, 1000), 0);
    expect(seen.map((mark) => mark.event.t)).toEqual([100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110]);
  });
});

describe('what is under the pointer', () => {
  it('is the nearest mark of the track, one of the chain first', () => {
    const marks = arrangeMarks(answer([event('near', 500)]), [member('chain', 505)], []);
    const hit = hitMarks(marks, rows, scale, 500, y);
    expect(hit?.kind === 'mark' && hit.mark.event.id).toBe('chain');
  });

  it('is nothing beside marks, in another lane, or in another layer', () => {
    const marks = arrangeMarks(answer([event('a', 500)]), [], []);
    expect(hitMarks(marks, rows, scale, 520, y)).toBeNull();
    expect(hitMarks(marks, rows, scale, 500, y + 500)).toBeNull();
    expect(hitMarks(marks, rows, scale, 500, rows[0]?.trackY['k8s-audit'] ?? 0)).toBeNull();
  });

  it('is the life of a container on its bar, as far as it lived', () => {
    const life = { container_id: 'k', name: 'web', image: '', from: 100, to: 300, exit_status: 0 };
    const [row] = layoutLanes([{ ...lane, containers: [life] }], null);
    if (!row) throw new Error('no row');
    const marks = arrangeMarks(answer([]), [], []);
    const at = row.bars[0]?.y ?? 0;
    expect(hitMarks(marks, [row], scale, 200, at)).toMatchObject({ kind: 'bar', lifetime: { container_id: 'k' } });
    expect(hitMarks(marks, [row], scale, 400, at)).toBeNull();
  });

  it('is a bin where there is no mark', () => {
    const marks = arrangeMarks(
      answer([], [{ lane: 'pod:c/a', layer: 'auditd', bins: [1, 3, 7], counts: [5, 42, 6] }]),
      [],
      [],
    );
    expect(hitMarks(marks, rows, scale, 350, y)).toEqual({
      kind: 'bin',
      layer: 'auditd',
      n: 42,
      from: 300,
      to: 400,
    });
    expect(hitMarks(marks, rows, scale, 450, y)).toBeNull();
  });
});
