// What kafkajs takes to bring messages and nothing else: BROKER TOPIC COUNT, fetched as the loader fetches. Prints the seconds of processor time
// from joining the group on: its start is not counted.
import { Kafka, logLevel } from 'kafkajs';

const [broker, topic, count] = process.argv.slice(2);
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
const consumer = kafka.consumer({
  groupId: `consume-${process.pid}`,
  maxBytes: 4 * 1024 * 1024,
  maxBytesPerPartition: 1024 * 1024,
  maxWaitTimeInMs: 200,
});
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
let bytes = 0;
let before;
consumer.on(consumer.events.GROUP_JOIN, () => {
  before = process.cpuUsage();
});
let left = Number(count);
await new Promise((done, failed) => {
  const eachBatch = async ({ batch: { messages } }) => {
    for (const { value, headers } of messages) bytes += value.length + headers.vestige.length;
    left -= messages.length;
    if (left <= 0) done();
  };
  consumer.run({ autoCommit: false, eachBatch }).catch(failed);
});
const { user, system } = process.cpuUsage(before);
process.stdout.write(`${JSON.stringify({ bytes, cpuSeconds: (user + system) / 1e6 })}\n`);
await consumer.disconnect();
