// A message to a delivery. Of a collector's the envelope says all; of others', what the topic, the key and the broker know.
import type { KafkaMessage } from 'kafkajs';
import type { Delivery } from '../../load/deliveries.ts';
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

/** Undefined for a message without value: nothing to load. */
export function toDelivery(message: KafkaMessage, origin: Origin): { delivery?: Delivery; isOdd: boolean } {
  const { value, key, headers, offset, timestamp } = message;
  const header = readHeader(headers);
  const isOdd = header.status === 'odd';
  if (value === null) return { isOdd };
  const seq = Number(offset);
  const { loader, topic, partition, source } = origin;
  if (header.status === 'ok') {
    const entry = { kind: 'record' as const, meta: header.meta, raw: value };
    return { delivery: deliveryOf(entry, { loader, seq }), isOdd };
  }
  const delivery: Delivery = {
    ...{ source, ...placeOfKey(key), collector: '', bootId: '', receivedAtUs: Math.max(0, Number(timestamp)) * 1000 },
    ...{ stream: `${topic}-${partition}`, position: seq, lines: 0, attrs: {}, loader, seq, raw: value },
  };
  return { delivery, isOdd };
}
