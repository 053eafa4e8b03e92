// After its first answer each connection of kafkajs 2.2.4 looks every millisecond whether something waits to be sent: 3 to 6 % of a processor
// for a collector that does nothing (its repository has the same mend, which is in no release). It need look only while something waits.
// Imported, not required at run time: in the bundled program kafkajs is another copy than the one in node_modules.
import requestQueue from 'kafkajs/src/network/requestQueue/index.js';

let isCalm = false;

/** Once for all connections of this process. */
export function calmKafkajs(): void {
  if (isCalm) return;
  isCalm = true;
  const { prototype } = requestQueue;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: typeof prototype) {
    if (this.pending.length > 0) schedule.call(this);
  };
}
