// From the intruder's address to whatever it spoke with: API requests from there, and connections that services accepted from there.

import type { AcceptFacts, ProcessFacts, RequestFacts } from './facts.ts';
import { idOf, keyOf } from './graph.ts';
import { commandOf, type Frontier, type Growth, processId, remember, type Step } from './growth.ts';

/** An address that more principals than this use is a gateway, and proves nothing; */
const PRINCIPALS_MAX = 3;
/** but where nobody else was before the intruder, they are identities that were stolen or made, if not a whole office that came after. */
const IDENTITIES_MAX = 8;
/** Who was there for longer before anything was found is at home there. */
const UNNOTICED_MS_MAX = 3_600_000;
/** A service hands a request on at once; a proxy before it costs some milliseconds more. */
const HANDED_ON_MS_MAX = 60;
/** So many connections followed at once by a program in one container, and half of all, are no coincidence. */
const REGULAR_MIN = 2;

export async function followAddresses(growth: Growth, frontier: Frontier): Promise<Step[]> {
  const addresses = frontier.map((f) => keyOf(f.id));
  return [
    ...(await requestsFrom(growth, addresses)),
    ...(await acceptedFrom(growth, addresses)),
    ...(await connectedTo(growth, addresses)),
  ];
}

/** What was asked from the address, each request linked to the one before: a line tells an order, a star does not. */
async function requestsFrom(growth: Growth, addresses: readonly string[]): Promise<Step[]> {
  const requests = await growth.lookup.requestsFrom(addresses);
  return addresses.flatMap((address) => {
    const mine = requests.filter((r) => r.source_ip === address);
    if (new Set(mine.map((r) => r.principal)).size > (isOwn(growth, mine) ? IDENTITIES_MAX : PRINCIPALS_MAX)) return [];
    return mine.map((request, i) => {
      const before = mine[i - 1];
      const id = idOf('request', request.audit_id);
      growth.requests.set(id, request);
      return {
        link: {
          from: before === undefined ? idOf('address', address) : idOf('request', before.audit_id),
          to: id,
          kind: 'same-credential' as const,
          confidence: 0.9,
          reason: `${request.principal} asked from ${address}, the intruder's address${before === undefined ? '' : `, ${((request.time - before.time) / 1000).toFixed(1)} s after the request before`}`,
          digests: [before?.digest ?? '', request.digest],
        },
        reached: id,
        arrival: 'onward' as const,
      };
    });
  });
}

/** Others with findings that spoke with an address which nobody spoke with long before the intruder: his tools call the same place. */
async function connectedTo(growth: Growth, addresses: readonly string[]): Promise<Step[]> {
  const peers = await growth.lookup.connectedTo(addresses);
  const wrong = peers.filter((p) => growth.suspicious.has(processId(p)));
  const facts = new Map((await growth.lookup.processes(wrong.map((p) => p.key))).map((p) => [processId(p), p]));
  const steps: Step[] = [];
  for (const address of addresses) {
    const known = peers.find((p) => p.addr === address && growth.graph.entities.has(processId(p)));
    const first = peers.find((p) => p.addr === address);
    if (known === undefined || first === undefined || first.time < known.time - UNNOTICED_MS_MAX) continue;
    for (const peer of wrong.filter((p) => p.addr === address)) {
      const process = facts.get(processId(peer));
      if (process === undefined) continue;
      steps.push({
        link: {
          from: processId(process),
          to: idOf('address', address),
          kind: 'connected',
          confidence: 0.8,
          reason: `${commandOf(process, 40)}, of which there is a finding, connected to ${address}, the intruder's address`,
          digests: [process.digest, peer.digest],
        },
        reached: remember(growth, process),
        arrival: 'backward',
      });
    }
  }
  return steps;
}

/** Whether nobody used the address, `mine` in order of time, before what a finding or a cause led to, but the same principal just before it. */
function isOwn(growth: Growth, mine: readonly RequestFacts[]): boolean {
  const found = mine.find((r) => growth.graph.entities.has(idOf('request', r.audit_id)));
  if (found === undefined) return false;
  const before = mine.filter((r) => r.time < found.time);
  return before.every((r) => r.principal === found.principal && r.time >= found.time - UNNOTICED_MS_MAX);
}

interface Handed {
  accept: AcceptFacts;
  entry: ProcessFacts;
}

/** A connection accepted from the intruder, and the program that a service started on it. */
async function acceptedFrom(growth: Growth, addresses: readonly string[]): Promise<Step[]> {
  const accepts = await growth.lookup.accepts(addresses);
  const handed: Handed[] = [];
  const steps: Step[] = [];
  const all = await growth.lookup.startedAfter(
    accepts.map((a) => a.time),
    HANDED_ON_MS_MAX,
  );
  const own = await growth.lookup.children([...new Set(accepts.map((a) => a.key))]);
  for (const accept of accepts) {
    // who starts a program of its own for a connection hands it to nobody else
    const servers = own.filter((p) => p.parent_key === accept.key && p.node === accept.node && isSoonAfter(accept, p));
    if (servers.length > 0) {
      steps.push(...servers.map((p) => handedTo(growth, { accept, entry: p }, 0.9, '')));
      continue;
    }
    const started = all.filter((p) => isSoonAfter(accept, p));
    const keys = new Set(started.map((p) => p.key));
    // the first of a family: its children come along by descent
    for (const entry of started.filter((p) => !keys.has(p.parent_key))) handed.push({ accept, entry });
  }
  for (const { accept, entry } of handed) {
    const again = handed.filter((h) => h.accept.addr === accept.addr && h.entry.container_id === entry.container_id);
    const often = new Set(again.map((h) => h.accept.event_id)).size;
    const connections = accepts.filter((a) => a.addr === accept.addr).length;
    const regular = often >= REGULAR_MIN && often * 2 >= connections;
    if (!regular && !(await isEntry(growth, entry))) continue;
    const so = regular ? ` (so for ${often} of its ${connections} connections)` : '';
    steps.push(handedTo(growth, { accept, entry }, 0.75, so));
  }
  return steps;
}

const isSoonAfter = (accept: AcceptFacts, p: ProcessFacts) =>
  p.first_seen >= accept.time && p.first_seen <= accept.time + HANDED_ON_MS_MAX;

function handedTo(growth: Growth, { accept, entry }: Handed, confidence: number, how: string): Step {
  return {
    link: {
      from: idOf('address', accept.addr),
      to: processId(entry),
      kind: 'connected',
      confidence,
      reason: `a connection from ${accept.addr} was accepted ${Math.max(0, entry.first_seen - accept.time)} ms before the service started ${commandOf(entry, 40)}${how}`,
      digests: [accept.digest, entry.digest],
    },
    reached: remember(growth, entry),
    arrival: 'onward',
  };
}

/** Whether a program started right after belongs to it: where the intruder is known to be, or where a finding says something is wrong. */
async function isEntry(growth: Growth, entry: ProcessFacts): Promise<boolean> {
  for (const [id, process] of growth.processes) {
    if (growth.graph.entities.has(id) && process.container_id === entry.container_id) return true;
  }
  const family = [entry, ...(await growth.lookup.children([entry.key]))];
  return family.some((p) => growth.suspicious.has(processId(p)));
}
