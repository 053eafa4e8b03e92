// The audit webhook as a process that can be killed: says its port, and when it ends what it cost since SIGUSR2.
import { createAuditWebhook } from '../audit-webhook.ts';
import { openSpoolPlace } from './spool-place.ts';

const { spool, ...options } = JSON.parse(process.argv[2] ?? '{}');
const say = (document: unknown) => process.stdout.write(`${JSON.stringify(document)}\n`);
const place = await openSpoolPlace(spool);
process.once('SIGTERM', () => place.end());
let before = process.cpuUsage();
process.on('SIGUSR2', () => {
  before = process.cpuUsage();
});
await createAuditWebhook({ ...options, onListening: (port) => say({ port }) })(place);
await place.close();
const { user, system } = process.cpuUsage(before);
say({ cpuSeconds: (user + system) / 1e6, rssBytesMax: process.resourceUsage().maxRSS * 1024 });
