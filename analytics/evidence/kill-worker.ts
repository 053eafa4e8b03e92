// A process to be killed: opens the store given and seals it in small segments, or applies retention, until it is done.
// Run by kill.test.ts, bundled, in a process of its own.
import { connect } from '../store/connect.ts';
import { applyRetention } from './retention.ts';
import { seal } from './seal.ts';
import { signingKey } from './seal-key.ts';

export type KilledWork = 'seal' | 'retention';

const [directory = '', work = ''] = process.argv.slice(2);
const now = () => new Date('2026-11-20T00:00:00Z');
const store = await connect(`embedded:${directory}`, 'kill test');
const key = signingKey(store, undefined);
process.stdout.write('started\n');
if (work === 'seal') await seal({ store, now, key }, 500);
else await applyRetention(store, 90, key, { actor: 'worker', now });
process.stdout.write('done\n');
await store.close();
