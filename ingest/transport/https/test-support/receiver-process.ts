// A receiver over an embedded store, as a process that can be killed: what `vestige up --receive` is in this respect.
import { connect } from '../../../../analytics/store/connect.ts';
import { createDeliveryLoader } from '../../../load/delivery-loader.ts';
import { openReceiver } from '../receiver-server.ts';

const { directory, ...options } = JSON.parse(process.argv[2] ?? '{}');
const store = await connect(`embedded:${directory}`, 'test');
const loader = await createDeliveryLoader(store);
const receiver = await openReceiver({ ...options, loader, say: (text) => process.stderr.write(`${text}\n`) });
process.stdout.write(`${JSON.stringify({ port: receiver.port })}\n`);
process.once('SIGTERM', async () => {
  await receiver.close();
  await loader.close();
  await store.close();
  process.exit(0);
});
