// Commands run in containers through the kubelet's own port, which the API never sees.
import type { ProcessFacts } from './facts.ts';
import { commandOf, type Frontier, type Growth, processId, remember, type Step } from './growth.ts';

const PORT = 10250;
/** The kubelet hands a command to the runtime at once; the runtime takes some tenths of a second on a busy node. */
const STARTS_WITHIN_MS = 2_000;

/** Between who asked a kubelet to run a command and what the runtime then started, where no request of the API explains it. */
export async function followKubelet(growth: Growth, frontier: Frontier): Promise<Step[]> {
  return [...(await toCommands(growth, frontier)), ...(await toAskers(growth, frontier))];
}

async function toCommands(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const processes = new Map(frontier.flatMap(({ id }) => growth.processes.get(id) ?? []).map((p) => [p.key, p]));
  const asked = (await growth.lookup.connections([...processes.keys()])).filter((c) => c.port === PORT);
  const execs = await withoutRequest(
    growth,
    await growth.lookup.execsAfter(
      asked.map((c) => c.time),
      STARTS_WITHIN_MS,
    ),
  );
  return asked.flatMap((connection) => {
    const asker = processes.get(connection.key);
    if (asker === undefined) return [];
    const named = execs.filter((p) => isSoonAfter(connection, p) && isNamedIn(asker, p));
    return named.map(
      (p): Step => ({ link: ran(asker, connection, p), reached: remember(growth, p), arrival: 'onward' }),
    );
  });
}

async function toAskers(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const execs = frontier
    .filter((f) => f.arrival !== 'onward')
    .flatMap(({ id }) => growth.processes.get(id) ?? [])
    .filter((p) => p.exec_id !== '');
  const alone = await withoutRequest(growth, execs);
  const peers = await growth.lookup.kubeletPeers(
    alone.map((p) => p.first_seen),
    STARTS_WITHIN_MS,
  );
  const facts = new Map((await growth.lookup.processes(peers.map((p) => p.key))).map((p) => [p.key, p]));
  return alone.flatMap((p) => {
    const asking = peers.filter((c) => isSoonAfter(c, p)).flatMap((c) => [{ c, asker: facts.get(c.key) }]);
    const meant = asking.findLast(({ asker }) => asker !== undefined && isNamedIn(asker, p));
    if (meant?.asker === undefined) return [];
    return [
      { link: ran(meant.asker, meant.c, p), reached: remember(growth, meant.asker), arrival: 'backward' as const },
    ];
  });
}

async function withoutRequest(growth: Growth, execs: readonly ProcessFacts[]): Promise<ProcessFacts[]> {
  const explained = await growth.lookup.sessionsOf(
    [],
    execs.map((p) => p.key),
  );
  const keys = new Set(explained.map((s) => s.key));
  return execs.filter((p) => !keys.has(p.key));
}

const isSoonAfter = (connection: { time: number }, p: ProcessFacts) =>
  p.first_seen >= connection.time && p.first_seen <= connection.time + STARTS_WITHIN_MS;

/** Whether the asker's command line holds the words of the command, as in ?cmd=cat%20/etc/passwd or ?command=cat&command=/etc/passwd. */
export function isNamedIn(asker: Pick<ProcessFacts, 'argv'>, p: Pick<ProcessFacts, 'first_argv'>): boolean {
  if (p.first_argv.length === 0) return false;
  const query = asker.argv.map(decoded).join(' ');
  const each = p.first_argv.map((word) => `command=${word}`).join('&');
  return query.includes(`cmd=${p.first_argv.join(' ')}`) || query.includes(each);
}

function decoded(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}

const ran = (asker: ProcessFacts, connection: { time: number; digest: string }, p: ProcessFacts): Step['link'] => ({
  from: processId(asker),
  to: processId(p),
  kind: 'exec-session',
  confidence: 0.9,
  reason: `${commandOf(asker, 40)} spoke to the kubelet's own port; ${p.first_seen - connection.time} ms later the runtime started the command that it names, "${commandOf(p, 60)}", for no request of the API`,
  digests: [asker.digest, connection.digest, p.digest],
});
