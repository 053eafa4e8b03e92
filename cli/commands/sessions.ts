// vestige sessions, vestige session ID
import { type Command, InvalidArgumentError } from 'commander';
import { listSessions, readSession, type SessionListed } from '../../analytics/queries/sessions.ts';
import type { Context } from '../context.ts';
import { addLimit, addPlaces, addTimes, type FilterOptions, readFilter } from '../filter-options.ts';
import { printLimited } from '../limited-list.ts';
import { CANDIDATES_MAX, pickOne } from '../pick.ts';
import { commandLine, duration, shortTime } from '../render/cells.ts';
import { renderSession, shortSession, whereOf, whoOf } from '../render/session.ts';
import type { Column } from '../render/table.ts';

const KINDS = [
  ...['exec', 'attach', 'debug', 'portforward', 'runtime-exec'],
  ...['login', 'login-ssh', 'login-cron', 'login-at', 'login-console', 'su', 'sudo'],
];

const columns: readonly Column<SessionListed>[] = [
  { title: 'SESSION', value: (s) => shortSession(s.session_id) },
  { title: 'BEGAN', value: (s) => shortTime(s.requested_at) },
  { title: 'LASTED', value: (s) => (s.ended_at ? duration(s.requested_at, s.ended_at) : 'open') },
  { title: 'KIND', value: (s) => s.kind },
  { title: 'WHO', value: whoOf, flexible: true },
  { title: 'FROM', value: (s) => s.source_ip },
  { title: 'INTO', value: whereOf, flexible: true },
  { title: 'COMMAND', value: (s) => commandLine(s.command), flexible: true },
  { title: 'RAN', value: (s) => (s.processes === 0 ? '' : String(s.processes)) },
  { title: 'ENDED BY', value: (s) => s.ended_by },
];

interface Options extends FilterOptions {
  kind?: string;
}

export function registerSessions(program: Command, context: Context): void {
  const command = program
    .command('sessions')
    .description(
      'who came in: exec, attach, debug and port-forward through the API; ssh, cron, su, sudo and crictl on nodes',
    )
    .option('--kind <kind>', `one of ${KINDS.join(', ')}; login means every kind of login`, parseKind)
    .option('--principal <name>', 'by this user, service account or account of a node; * stands for any text')
    .addHelpText(
      'after',
      `
--since and --until take sessions that went on at any moment between them. RAN counts the processes inside.

Examples:
  vestige sessions --kind exec --pod shop/*
  vestige sessions --principal alice --since -2h
  vestige --json sessions --kind login --node worker-1`,
    );
  addLimit(addPlaces(addTimes(command))).action(async (options: Options) => {
    const filter = { ...options, ...readFilter(options, context) };
    await context.withStore('vestige sessions', (store) =>
      printLimited(context, store, filter.limit, (limit) => listSessions(store, { ...filter, limit }), columns),
    );
  });
}

export function registerSession(program: Command, context: Context): void {
  program
    .command('session')
    .description('one session: who, from where, into what, every command inside, how it ended')
    .argument('<id>', 'id of a session or of its exec, or the beginning of it')
    .option('--cluster <name>', 'of this cluster, where several have the id')
    .addHelpText(
      'after',
      `
Examples:
  vestige sessions --kind exec
  vestige session c0071a44
  vestige --json session login:worker-1:9@1795439401672`,
    )
    .action(async (id: string, { cluster }: { cluster?: string }) => {
      await context.withStore('vestige session', async (store) => {
        const found = await listSessions(store, { id, cluster, limit: CANDIDATES_MAX + 1 });
        const whole = found.filter((s) => s.session_id === id);
        const key = pickOne(whole.length > 0 ? whole : found, 'session', id, (s) =>
          [s.session_id, s.kind, whoOf(s), whereOf(s), shortTime(s.requested_at)].join('  '),
        );
        const session = await readSession(store, key);
        context.printOne(session, () => renderSession(session));
      });
    });
}

/** As LIKE patterns of listSessions take it. */
function parseKind(text: string): string {
  if (text === 'port-forward') return 'portforward';
  if (!KINDS.includes(text)) throw new InvalidArgumentError(`one of ${KINDS.join(', ')}`);
  return text === 'login' ? 'login*' : text;
}
