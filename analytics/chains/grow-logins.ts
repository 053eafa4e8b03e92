// Logins on a node: whoever did one thing in a session did the others, and came from where it was opened.
//
// Processes of a session are not all below its shell: sudo and subshells fork without a record, and daemons take over what outlives its parent.
// The number that PAM gave the login stays with all of them (entities/sessions).
import { isPublicAddress } from '../networks.ts';
import type { LoginFacts, ProcessFacts } from './facts.ts';
import { idOf, keyOf } from './graph.ts';
import { commandOf, type Frontier, type Growth, processId, remember, type Step } from './growth.ts';

/** An address from which more accounts log in is a gateway, and proves nothing. */
const ACCOUNTS_MAX = 3;

/** From a process to the login it was typed in; from the login to all that was typed in it, and to where it came from. */
export async function followLogins(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const reached = frontier.flatMap(({ id, arrival }) => {
    const p = growth.processes.get(id);
    return p === undefined || p.container_id !== '' ? [] : [{ p, arrival }];
  });
  const logins = await growth.lookup.logins(reached.map(({ p }) => p.key));
  const opened = logins.filter((login) => reached.some(({ p }) => p.key === login.key && p.node === login.node));
  const inside = await growth.lookup.inSessions(logins.map((login) => login.session_id));
  const servers = new Map(
    (await growth.lookup.processes(logins.map((login) => login.key))).map((p) => [processId(p), p]),
  );
  const steps: Step[] = [];
  for (const login of logins) {
    const server = servers.get(processId(login));
    if (server === undefined) continue;
    const members = inside.filter((p) => p.session_id === login.session_id);
    const keys = new Set(members.map((p) => p.key));
    const tops = members.filter((p) => p.key !== login.key && !keys.has(p.parent_key));
    for (const { p, arrival } of reached) {
      if (arrival === 'onward' || !tops.some((top) => top.key === p.key)) continue;
      remember(growth, server);
      steps.push({ link: typedIn(login, server, p), reached: processId(server), arrival: 'backward' });
    }
    if (!opened.includes(login)) continue;
    // each linked to the one before: a line tells an order, a star does not
    for (const [i, p] of tops.entries())
      steps.push({ link: typedIn(login, tops[i - 1] ?? server, p), reached: remember(growth, p), arrival: 'onward' });
    if (isPublicAddress(login.source_ip)) {
      const address = idOf('address', login.source_ip);
      steps.push({ link: cameFrom(login), reached: address, arrival: 'onward' });
    }
  }
  return steps;
}

/** Logins from the intruder's address, and those that were refused there. */
export async function followLoginsFrom(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const addresses = frontier.map((f) => keyOf(f.id)).filter(isPublicAddress);
  const logins = await growth.lookup.logins([], addresses);
  const refusals = await growth.lookup.refusals(addresses);
  const own = addresses.filter(
    (address) => new Set(logins.filter((l) => l.source_ip === address).map((l) => l.account)).size <= ACCOUNTS_MAX,
  );
  const admitted = logins.filter((login) => own.includes(login.source_ip));
  const refused = refusals.filter((r) => own.includes(r.addr));
  for (const p of await growth.lookup.processes([...admitted, ...refused].map(({ key }) => key))) remember(growth, p);
  const steps: Step[] = admitted.map((login) => ({
    link: cameFrom(login),
    reached: processId(login),
    arrival: 'onward',
  }));
  for (const address of own) {
    const here = refused.filter((r) => r.addr === address);
    for (const [i, refusal] of here.entries()) {
      const before = here[i - 1];
      steps.push({
        link: {
          from: before === undefined ? idOf('address', address) : processId(before),
          to: processId(refusal),
          kind: 'connected',
          confidence: 0.9,
          reason: `${address} was refused as ${refusal.account || 'an unknown account'} on ${refusal.node}`,
          digests: [before?.digest ?? '', refusal.digest],
        },
        reached: processId(refusal),
        arrival: 'onward',
      });
    }
  }
  return steps;
}

const cameFrom = (login: LoginFacts): Step['link'] => ({
  from: idOf('address', login.source_ip),
  to: processId(login),
  kind: 'connected',
  confidence: 0.95,
  reason: `${login.account || 'somebody'} logged in on ${login.node} from ${login.source_ip} (session ${login.ses})`,
  digests: [login.digest],
});

const typedIn = (login: LoginFacts, before: ProcessFacts, p: ProcessFacts): Step['link'] => ({
  from: processId(before),
  to: processId(p),
  kind: 'login-session',
  confidence: 0.95,
  reason: `${commandOf(p, 40)} was run in login session ${login.ses} of ${login.account || 'somebody'} on ${login.node}`,
  digests: [before.digest || login.digest, p.digest],
});
