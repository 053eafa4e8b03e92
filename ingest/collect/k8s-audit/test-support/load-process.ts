// An API server under load, as a process of its own: batches at a steady rate over kept connections, each timed from the moment it was due.
import { batches, eventList, itemOf, RECORDINGS, recordedEvents } from './event-lists.ts';
import { createSender } from './post.ts';

interface Load {
  port: number;
  ca: string;
  client: { cert: string; key: string };
  eventsPerSecond: number;
  seconds: number;
  /** Before those, for the other end to become as fast as it will be: it runs for weeks. */
  warmUpSeconds: number;
  /** Events of a batch; an API server sends 400 at most. */
  batch: { min: number; max: number };
}

const { eventsPerSecond, seconds, warmUpSeconds, batch, ...to }: Load = JSON.parse(process.argv[2] ?? '{}');
const size = () => batch.min + Math.floor(Math.random() * (batch.max - batch.min + 1));
const bodies = batches(RECORDINGS.flatMap(recordedEvents).map(itemOf), size).map((events) => ({
  body: eventList(events),
  events: events.length,
}));
const sender = createSender({ ...to, connections: 8 });

const tookMs: number[] = [];
/** How late the sender itself woke: what the machine, and not the other end, takes. */
const lateMs: number[] = [];
let events = 0;
let bytes = 0;
let failed = 0;
const answers: Promise<void>[] = [];
const send = async ({ body, events: n }: (typeof bodies)[number], dueAt: number): Promise<void> => {
  const { status } = await sender.send(body);
  if (status !== 200) failed++;
  if (dueAt < measuredFrom) return;
  tookMs.push(performance.now() - dueAt);
  events += n;
  bytes += body.length;
};

await sender.send(eventList([])); // the handshake is not of a batch
const start = performance.now();
const measuredFrom = start + warmUpSeconds * 1000;
setTimeout(() => process.stdout.write('{"warm":true}\n'), warmUpSeconds * 1000);
for (let i = 0, sent = 0; sent < eventsPerSecond * (warmUpSeconds + seconds); i++) {
  const next = bodies[i % bodies.length] as (typeof bodies)[number];
  const dueAt = start + (sent / eventsPerSecond) * 1000;
  const wait = dueAt - performance.now();
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  // a timer wakes late: that is the sender's
  if (dueAt >= measuredFrom) lateMs.push(Math.max(0, performance.now() - dueAt));
  answers.push(send(next, Math.max(dueAt, performance.now())));
  sent += next.events;
}
await Promise.all(answers);
sender.close();

tookMs.sort((a, b) => a - b);
lateMs.sort((a, b) => a - b);
const of = (sorted: number[], part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
const figures = {
  batches: tookMs.length,
  events,
  bytes,
  failed,
  p50Ms: of(tookMs, 0.5),
  p99Ms: of(tookMs, 0.99),
  lateP99Ms: of(lateMs, 0.99),
  maxMs: tookMs.at(-1),
};
process.stdout.write(`${JSON.stringify({ ...figures, seconds: (performance.now() - measuredFrom) / 1000 })}\n`);
