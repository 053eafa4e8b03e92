// A message that kafkajs read to a delivery; of whole batches see batch-deliveries.ts. Of a collector's the envelope says all; of others', what the topic, the key and the broker know.
import type { KafkaMessage } from 'kafkajs';
import type { Delivery } from '../../load/deliveries.ts';
import type { DeliveryTable } from '../../load/delivery-table.ts';
import { deliveryOf } from '../deliver.ts';
import { placeOfKey, readHeader } from './header.ts';

export interface Origin {
  /** `kafka:CLUSTER/TOPIC/PARTITION` */
  loader: string;
  topic: string;
  partition: number;
  /** What messages of the topic hold that do not say it. */
  source: Delivery['source'];
}

/** What was put of what is no delivery. */
export interface Put {
  /** Without value: nothing to load. */
  tombstones: number;
  /** Envelopes that cannot be read. */
  odd: number;
}

export function putMessage(message: KafkaMessage, origin: Origin, table: DeliveryTable): Put {
  const { value, key, headers, offset, timestamp } = message;
  const header = readHeader(headers);
  const odd = header.status === 'odd' ? 1 : 0;
  if (value === null) return { odd, tombstones: 1 };
  const seq = Number(offset);
  const { loader, topic, partition, source } = origin;
  const delivery: Delivery =
    header.status === 'ok'
      ? deliveryOf({ kind: 'record', meta: header.meta, raw: value }, { loader, seq })
      : {
          ...{ source, ...placeOfKey(key?.toString() ?? ''), collector: '', bootId: '' },
          ...{ receivedAtUs: Math.max(0, Number(timestamp)) * 1000, stream: `${topic}-${partition}`, position: seq },
          ...{ lines: 0, attrs: {}, loader, seq, raw: value },
        };
  table.add(delivery, delivery, value, 0, value.length);
  return { odd, tombstones: 0 };
}
