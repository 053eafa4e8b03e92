// After its first answer each connection of kafkajs 2.2.4 looks every millisecond whether something waits to be sent: 3 to 6 % of a processor
// for a collector that does nothing (its repository has the same mend, which is in no release). It need look only while something waits.
import { createRequire } from 'node:module';

interface RequestQueue {
  pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

let isCalm = false;

/** Once for all connections of this process. */
export function calmKafkajs(): void {
  if (isCalm) return;
  isCalm = true;
  const require = createRequire(import.meta.url);
  const { prototype } = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) schedule.call(this);
  };
}
