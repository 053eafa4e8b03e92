import { expect, test } from 'vitest';
import { Case, caseOf } from './case.ts';

const stepsOf = (written: unknown) => caseOf(Case.parse(written)).steps;
const recordOf = (written: Record<string, unknown>) => stepsOf({ name: 'x', ...written })[0]?.record ?? '';

test('an exec is written as the kernel writes it: what holds blanks in hex', () => {
  const lines = recordOf({ exec: ['sh', '-c', 'id; id'] }).split('\n');
  expect(lines.map((line) => line.slice(0, line.indexOf(' ')))).toEqual([
    'type=SYSCALL',
    'type=EXECVE',
    'type=CWD',
    'type=PATH',
  ]);
  expect(lines[0]).toMatch(/ syscall=59 success=yes .* auid=4294967295 .* comm="sh" exe="\/usr\/bin\/sh" /);
  expect(lines[1]).toBe('type=EXECVE msg=audit(1795439500.000:1): argc=3 a0="sh" a1="-c" a2=69643B206964');
});

test.each([
  ['203.0.113.66:8444', '020020FCCB0071420000000000000000'],
  ['[fd00:ec2::254]:80', '0A00005000000000FD000EC200000000000000000000025400000000'],
  ['/run/x.sock', '01002F72756E2F782E736F636B00'],
])('a connection to %s holds its address as the kernel has it', (to, saddr) => {
  expect(recordOf({ connect: { to, exe: '/bin/nc' } })).toContain(`saddr=${saddr}`);
});

test('a connection that failed says so', () => {
  expect(recordOf({ connect: { to: '10.0.0.1:1', exe: '/bin/nc', result: 'refused' } })).toContain(
    'success=no exit=-111',
  );
});

test('steps of several layers stand in one case, dated one after another, each with what is known of it', () => {
  const [request, inside, outside] = stepsOf({
    name: 'x',
    container: { pod: 'web-1' },
    steps: [
      { event: { verb: 'get' } },
      { exec: 'id', session: true, at: 2.5 },
      { file: { what: 'create', path: '/etc/cron.d/x', exe: '/bin/sh' }, on_node: true },
    ],
  });
  expect(JSON.parse(request?.record ?? '')).toMatchObject({
    verb: 'get',
    stage: 'ResponseComplete',
    stageTimestamp: '2026-11-23T13:11:40.000000Z',
  });
  expect(inside?.record).toContain('audit(1795439502.500:2)');
  expect(inside?.context).toMatchObject({ container: { pod: 'web-1' }, session: true });
  expect(outside?.record).toContain('audit(1795439502.000:3)');
  expect(outside?.context.container).toBeUndefined();
});
