// Execs that came past the API: somebody on the node, or in a container with the runtime's socket, ran crictl, ctr, docker and the like.
// The client is told by its arguments: an exec that names the container, or the program that was started, right before the start.
// What has neither request nor client is a probe, a hook, or a client that auditd did not see: no session.
import type { Clocks } from '../clocks/clocks.ts';
import { type Entry, ranCommand, type Start } from './session-starts.ts';

export interface ClientSession {
  start: Start;
  entry: Entry | undefined;
  client: Entry;
  confidence: number;
}

/** crictl asks the CRI service for an address, connects, and the shim calls runc: a second or two on a busy node. */
const AFTER_US_MAX = 10_000_000;
/** Clients take the beginning of an id; shorter ones than this are hardly typed and would fit by chance. */
const ID_LENGTH_MIN = 4;
const NAMED = 0.95;
const SAME_COMMAND = 0.8;

export function joinClients(starts: readonly Start[], entries: readonly Entry[], clocks: Clocks): ClientSession[] {
  const clients = entries.filter((e) => e.role === 'client');
  const pairs = starts.flatMap((start) =>
    clients.flatMap((client) => {
      if (client.cluster !== start.cluster || client.node !== start.node) return [];
      const moment = { cluster: client.cluster, node: client.node } as const;
      const called = { ...moment, layer: 'auditd', at_us: client.first_us } as const;
      const began = { ...moment, layer: start.layer, at_us: start.at_us } as const;
      if (clocks.order(called, began) === 'after') return [];
      const late = clocks.byApi(began).at_us - clocks.byApi(called).at_us;
      if (late > AFTER_US_MAX) return [];
      const entry = start.entries.find((e) => endsWithCommand(client, e)) ?? start.entries[0];
      const named = client.command.some((w) => w === start.exec_id || namesContainer(w, start.container_id));
      const same = entry !== undefined && endsWithCommand(client, entry);
      // what was seen to be another program is another's
      if (!same && (!named || start.entries.some((e) => e.command.length > 0))) return [];
      return [{ start, entry, client, confidence: named && same ? NAMED : SAME_COMMAND, late: Math.abs(late) }];
    }),
  );
  const taken = new Set<Start | Entry>();
  return pairs
    .sort((a, b) => b.confidence - a.confidence || a.late - b.late || (a.start.exec_id < b.start.exec_id ? -1 : 1))
    .flatMap(({ late: _, ...pair }) => {
      if (taken.has(pair.start) || taken.has(pair.client)) return [];
      taken.add(pair.start).add(pair.client);
      return pair;
    });
}

const namesContainer = (word: string, id: string) =>
  word.length >= ID_LENGTH_MIN && /^[0-9a-f]+$/.test(word) && id.startsWith(word);

/** The client's last words are the program it asked for. */
function endsWithCommand(client: Entry, entry: Entry): boolean {
  const asked = client.command.slice(client.command.indexOf('exec') + 1);
  const words = entry.command.length;
  if (words === 0 || asked.length <= words) return false;
  return ranCommand({ command: [] }, entry, asked.slice(-words)) === true;
}
