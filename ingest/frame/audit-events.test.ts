// auditd's lines to events: nothing lost, nothing joined that does not belong together, whatever the order.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AuditEvent,
  type AuditEventFramer,
  createAuditEventFramer,
  type FramerLimits,
  type FramerState,
} from './audit-events.ts';
import { emptyHeader, readAuditHeader } from './audit-header.ts';

interface Framed {
  text: string;
  offset: number;
  lines: number;
  node: string;
}

function push(framer: AuditEventFramer, line: Buffer | string, offset = 0): readonly AuditEvent[] {
  const bytes = Buffer.from(line);
  const header = emptyHeader();
  if (!readAuditHeader(bytes, 0, bytes.length, header)) throw new Error(`no line of auditd: ${line}`);
  return framer.push(bytes, 0, bytes.length, header, offset);
}

function frame(lines: readonly string[], limits?: FramerLimits): Framed[] {
  const framer = createAuditEventFramer(limits && { limits });
  let offset = 0;
  const events: AuditEvent[] = [];
  for (const line of lines) {
    const bytes = Buffer.from(line, 'latin1');
    events.push(...push(framer, bytes, offset));
    offset += bytes.length + 1;
  }
  events.push(...framer.end());
  return events.map((e) => ({ text: e.bytes.toString('latin1'), offset: e.offset, lines: e.lines, node: e.node }));
}
const texts = (lines: readonly string[]) => frame(lines).map((e) => e.text);

const line = (type: string, at: string, rest = 'x=1') => `type=${type} msg=audit(${at}): ${rest}`;
const A = '1795439390.632:9989';
const B = '1795439390.632:9990';
const event = (at: string) => [line('SYSCALL', at), line('EXECVE', at), line('PATH', at), line('PROCTITLE', at)];

describe('lines of auditd', () => {
  it('with one serial are one record, joined by newline', () => {
    expect(frame(event(A))).toEqual([{ text: event(A).join('\n'), offset: 0, lines: 4, node: '' }]);
  });

  it('of two events that interleave are two records', () => {
    const [a, b] = [event(A), event(B)];
    const mixed = a.flatMap((text, i) => [text, b[i] ?? '']);
    expect(texts(mixed).sort()).toEqual([a.join('\n'), b.join('\n')]);
  });

  it('close at EOE, which is not part of the bytes', () => {
    const lines = [line('SYSCALL', A), line('EOE', A), line('SYSCALL', B), line('EOE', B)];
    expect(texts(lines)).toEqual([line('SYSCALL', A), line('SYSCALL', B)]);
    expect(texts([line('EOE', A)])).toEqual([]);
  });

  it('that come after closing are a further record of the event', () => {
    expect(texts([...event(A), line('PATH', A, 'late')])).toEqual([event(A).join('\n'), line('PATH', A, 'late')]);
  });

  it('of an event that never closes are kept: after two seconds of log time, or at the end', () => {
    const open = [line('SYSCALL', A), line('PATH', A)];
    expect(texts(open)).toEqual([open.join('\n')]);
    const later = [1795439391, 1795439392, 1795439393, 1795439394].map((s, i) =>
      line('PROCTITLE', `${s}.000:${10_000 + i}`),
    );
    const late = line('PATH', A, 'much later');
    expect(texts([...open, ...later, late])).toEqual([...later.slice(0, 3), open.join('\n'), later[3], late]);
  });

  it('of a blocking call, written with a time minutes back, are still one record', () => {
    const back = event('1795439100.000:9991');
    expect(texts([...event(A), ...back])).toEqual([event(A).join('\n'), back.join('\n')]);
  });

  it('with one serial at another time are another event: serials start again at a boot', () => {
    expect(texts([...event('1795439390.632:7'), ...event('1795439999.000:7')])).toHaveLength(2);
  });

  it('of several nodes are kept apart and tell their node', () => {
    const of = (node: string) => event(A).map((text) => `node=${node} ${text}`);
    const [a, b] = [of('n1'), of('n2')];
    const got = frame(a.flatMap((text, i) => [text, b[i] ?? '']));
    expect(got.map((e) => [e.node, e.text])).toEqual([
      ['n1', a.join('\n')],
      ['n2', b.join('\n')],
    ]);
  });

  it('of user space and of the daemon are records at once', () => {
    const lines = [
      line('USER_START', A, "pid=1 uid=0 auid=0 ses=9 msg='op=PAM:session_open res=success'"),
      line('DAEMON_START', '1795439390.635:727', 'op=start ver=3.0.9'),
    ];
    const framer = createAuditEventFramer();
    for (const text of lines) expect(push(framer, text)).toHaveLength(1);
    expect(framer.end()).toEqual([]);
  });

  it('keep carriage returns, enriched tails, NULs and what is no UTF-8: they were received', () => {
    const lines = event(A).map((text) => `${text}\x1dARCH=x86_64 UID="root"\xff\0\r`);
    expect(texts(lines)).toEqual([lines.join('\n')]);
  });

  it('do not hold the buffers they came in', () => {
    const chunk = Buffer.from(`${event(A).join('\n')}\n`);
    const framer = createAuditEventFramer();
    const end = chunk.indexOf(10);
    const header = emptyHeader();
    expect(readAuditHeader(chunk, 0, end, header)).toBe(true);
    framer.push(chunk, 0, end, header, 0);
    framer.leaveChunk();
    chunk.fill(0);
    expect(framer.end()[0]?.bytes.toString()).toBe(event(A)[0]);
  });
});

describe('however lines come', () => {
  const anyEvents = fc
    .integer({ min: 1, max: 12 })
    .map((n) => Array.from({ length: n }, (_, i) => event(`1795439390.${600 + i}:${100 + i}`)));

  it('every line is in exactly one record', () => {
    fc.assert(
      fc.property(anyEvents, fc.infiniteStream(fc.nat()), (events, random) => {
        const lines = shuffle(events.flat(), random);
        expect(
          texts(lines)
            .flatMap((text) => text.split('\n'))
            .sort(),
        ).toEqual([...lines].sort());
      }),
    );
  });

  it('interleaved in any way, each with its own order kept, events come out whole', () => {
    fc.assert(
      fc.property(anyEvents, fc.infiniteStream(fc.nat()), (events, random) => {
        const queues = events.map((e) => [...e]);
        const mixed: string[] = [];
        while (queues.some((q) => q.length > 0)) {
          const left = queues.filter((q) => q.length > 0);
          mixed.push(left[random.next().value % left.length]?.shift() ?? '');
        }
        expect(texts(mixed).sort()).toEqual(events.map((e) => e.join('\n')).sort());
      }),
    );
  });

  it('a record’s offset is where its first line starts', () => {
    fc.assert(
      fc.property(anyEvents, fc.infiniteStream(fc.nat()), (events, random) => {
        const lines = shuffle(events.flat(), random);
        const file = `${lines.join('\n')}\n`;
        for (const { text, offset } of frame(lines))
          expect(file.slice(offset)).toMatch(new RegExp(`^${literal(text.split('\n')[0] ?? '')}`));
      }),
    );
  });
});

describe('a framer that is stopped and started again', () => {
  const small: FramerLimits = { eventBytesMax: 400, pendingMax: 6, pendingBytesMax: 2_000, quietLinesMax: 30 };
  // seconds apart, so that events are closed for their age too; some without PROCTITLE, some with bytes of any kind
  const anyLines = fc.array(
    fc.record({
      type: fc.constantFrom('SYSCALL', 'PATH', 'EXECVE', 'PROCTITLE', 'EOE'),
      at: fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 5 })),
      rest: fc.constantFrom('x=1', 'name="\xff\0"', 'y'.repeat(90)),
      node: fc.constantFrom('', 'node=n1 '),
    }),
    { maxLength: 60 },
  );

  it('at any line gives the same records as one that was not', () => {
    fc.assert(
      fc.property(anyLines, fc.infiniteStream(fc.boolean()), (given, stops) => {
        const lines = given.map(({ type, at, rest, node }) =>
          Buffer.from(`${node}${line(type, `17954393${90 + at[0]}.100:${at[1]}`, rest)}`, 'latin1'),
        );
        const run = (stopped: boolean) => {
          let framer = createAuditEventFramer({ limits: small, noteOf: () => ({ said: 'once' }) });
          const events: AuditEvent[] = [];
          lines.forEach((bytes, i) => {
            events.push(...push(framer, bytes, i));
            framer.leaveChunk();
            if (!stopped || !stops.next().value) return;
            const state = JSON.parse(JSON.stringify(framer.state())) as FramerState;
            framer = createAuditEventFramer({ limits: small, noteOf: () => ({ said: 'again' }), state });
          });
          return [...events, ...framer.end()].map(({ bytes, ...rest }) => ({
            ...rest,
            bytes: bytes.toString('latin1'),
          }));
        };
        const undisturbed = run(false);
        expect(run(true).map(({ note: _, ...rest }) => rest)).toEqual(undisturbed.map(({ note: _, ...rest }) => rest));
      }),
      { numRuns: 300 },
    );
  });
});

describe('a live framer', () => {
  it('gives up events that were held too long on the clock of the wall, and no others', () => {
    const framer = createAuditEventFramer();
    push(framer, line('SYSCALL', A));
    expect(framer.closeHeld(1_000, 2_000)).toEqual([]);
    push(framer, line('SYSCALL', B));
    expect(framer.closeHeld(2_900, 2_000)).toEqual([]);
    push(framer, line('PATH', A));
    expect(framer.closeHeld(3_000, 2_000).map((e) => e.bytes.toString())).toEqual([
      [line('SYSCALL', A), line('PATH', A)].join('\n'),
    ]);
    expect(framer.closeHeld(4_900, 2_000).map((e) => e.bytes.toString())).toEqual([line('SYSCALL', B)]);
    expect(framer.end()).toEqual([]);
  });

  it('asks of whom an event is once, at the first line that can tell', () => {
    const asked: string[] = [];
    const framer = createAuditEventFramer({
      noteOf: (bytes, from, to) => {
        const text = bytes.toString('latin1', from, to);
        asked.push(text);
        return text.includes('pid=') ? { container_from: 'host' } : undefined;
      },
    });
    const lines = [line('CONFIG_CHANGE', A), line('SYSCALL', A, 'pid=1'), line('PATH', A), line('SYSCALL', A, 'pid=2')];
    for (const text of [...lines, line('PROCTITLE', B)])
      for (const e of push(framer, text)) expect(e.note).toBeUndefined();
    expect(asked).toEqual([lines[0], lines[1], line('PROCTITLE', B)]);
    expect(framer.end().map((e) => e.note)).toEqual([{ container_from: 'host' }]);
  });
});

describe('a hostile log', () => {
  const small = { eventBytesMax: 1e6, pendingMax: 1000, pendingBytesMax: 1e6, quietLinesMax: 1e6 };

  it('with one endless event is cut, and no line lost', () => {
    const lines = Array.from({ length: 100 }, (_, i) => line('PATH', A, `item=${i} ${'x'.repeat(50)}`));
    const got = frame(lines, { ...small, eventBytesMax: 1000 });
    expect(got.length).toBeGreaterThan(5);
    for (const { text } of got) expect(text.length).toBeLessThan(1200);
    expect(got.map((e) => e.text).join('\n')).toBe(lines.join('\n'));
  });

  it('with events that never close holds few of them, in number and in bytes', () => {
    const open = Array.from({ length: 100 }, (_, i) => line('SYSCALL', `1795439390.632:${i}`, 'y'.repeat(100)));
    for (const limits of [
      { ...small, pendingMax: 10 },
      { ...small, pendingBytesMax: 1500 },
    ]) {
      const framer = createAuditEventFramer({ limits });
      const closed = open.flatMap((text) => push(framer, text));
      expect(closed.length).toBeGreaterThanOrEqual(85);
      expect(closed.length + framer.end().length).toBe(100);
    }
  });

  it('with a time far in the future does not stop later events from closing', () => {
    const others = Array.from({ length: 5_000 }, (_, i) => line('PROCTITLE', `1795439390.632:${i + 2}`));
    const framer = createAuditEventFramer({ limits: { ...small, quietLinesMax: 500 } });
    push(framer, line('SYSCALL', '9999999999.000:1'));
    push(framer, line('SYSCALL', A));
    const closed = others.flatMap((text) => push(framer, text)).map((e) => e.bytes.toString());
    expect(closed).toContain(line('SYSCALL', A));
  });
});

function shuffle<T>(items: readonly T[], random: fc.Stream<number>): T[] {
  const left = [...items];
  const out: T[] = [];
  while (left.length > 0) out.push(...left.splice(random.next().value % left.length, 1));
  return out;
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
